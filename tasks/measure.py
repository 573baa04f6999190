"""What a release's reference databases look like before anybody touches them."""

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from blocks.structure import read_reference_rows, read_structure
from domain.reference import Reference
from registry.records import ReferenceRecord
from tasks import doors

MEASURE_SECONDS = 600


def ensure_measured(server: MariaDBServer, reference: Reference) -> None:
    """Measure a pair of dumps once, on a scratch copy that no flow ever touches; the registry keeps the result."""
    if doors.registry().reference(reference.digest) is not None:
        return
    # Two municipalities may meet a new reference at once, and the scratch copy has one name.
    with doors.registry().lock(f"referencia:{reference.digest[:12]}", wait_seconds=MEASURE_SECONDS):
        if doors.registry().reference(reference.digest) is None:
            doors.registry().save_reference(_measure(server, reference))


def _measure(server: MariaDBServer, reference: Reference) -> ReferenceRecord:
    structures, rows = {}, {}
    for dump in reference.dumps:
        # A name that no environment can have: environments' schemas end in _sei or _sip.
        scratch = f"implanta_ref_{reference.digest[:12]}_{dump.database}_medida"
        server.drop_database(scratch)
        server.ensure_database(scratch)
        load_dump(dump, server, scratch)
        with server.transaction(scratch) as cursor:
            structures[dump.database] = read_structure(cursor, scratch)
            rows[dump.database] = read_reference_rows(cursor, scratch, dump.database)
        server.drop_database(scratch)
    return ReferenceRecord(
        digest=reference.digest,
        version=reference.version,
        kind=reference.kind,
        sei_fingerprint=structures["sei"],
        sip_fingerprint=structures["sip"],
        rows=rows,
    )
