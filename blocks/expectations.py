"""Great Expectations, which judges the rows of suites; it takes seconds to import, so only who judges imports this."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from threading import Lock

import pandas as pd
from great_expectations import ExpectationSuite, get_context
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.row_conditions import Column

from blocks.suite_rows import ITEM, Rows
from domain.document_model.suites import KEY, SUITES, Expected, Rule, Suite, present
from domain.document_model.verdict import RuleResult, SuiteResult
from domain.drift import shown
from domain.errors import IntegrityError

_LINE = "linha"
_NUMBER = "regra"
# The library keeps what it works on in its own module: two threads at once would see each other's.
_ONE_AT_A_TIME = Lock()


def judge_suites(rows: Mapping[str, Rows], expected: Mapping[str, Mapping[str, Expected]]) -> tuple[SuiteResult, ...]:
    """Judge every suite; `expected` are, by suite, the entries that the programme answers for.

    In a suite that is not named there, it answers for every row.

    Raises:
        IntegrityError: a rule could not be judged, which is a defect of the rule or of its query.
    """
    with _ONE_AT_A_TIME:
        return tuple(_judge(suite, rows[suite.name], expected.get(suite.name)) for suite in SUITES)


def validate_frame(
    name: str, frame: pd.DataFrame, rules: Iterable[tuple[str, Mapping[str, object], tuple[str, str | int] | None]]
) -> list[ExpectationValidationResult]:
    """The result of each expectation about the frame, in their order, with counts and without indexes."""
    with _ONE_AT_A_TIME:
        return _results(name, frame, rules, {"result_format": "BASIC", "partial_unexpected_count": 0})


def _judge(suite: Suite, rows: Rows, expected: Mapping[str, Expected] | None) -> SuiteResult:
    required = [key for key, entry in (expected or {}).items() if entry.must_exist]
    rules = (present(required), *suite.rules) if required else suite.rules
    outcomes = [
        _outcome(rule, result, rows, expected)
        for rule, result in zip(rules, _validate(suite, rules, rows), strict=True)
    ]
    return SuiteResult(name=suite.name, label=suite.label, rows=len(rows), rules=tuple(outcomes))


def _outcome(
    rule: Rule, result: ExpectationValidationResult, rows: Rows, expected: Mapping[str, Expected] | None
) -> RuleResult:
    if result.success:
        return RuleResult(says=rule.says)
    if "observed_value" in result.result:  # a rule about all rows together names none of them
        there = {row[KEY] for row in rows}
        missing = [entry.label for key, entry in (expected or {}).items() if entry.must_exist and key not in there]
        return RuleResult(says=rule.says, broken=_shown(missing) or (f"{len(rows)} em vez de um",))
    broken = [rows[int(entry[_LINE])] for entry in result.result["unexpected_index_list"]]
    ours = [expected is None or row[KEY] in expected for row in broken]
    return RuleResult(
        says=rule.says,
        broken=_shown(str(row[ITEM]) for row, own in zip(broken, ours, strict=True) if own),
        local=_shown(str(row[ITEM]) for row, own in zip(broken, ours, strict=True) if not own),
    )


def _shown(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({shown(label) for label in labels}))


def _validate(suite: Suite, rules: Sequence[Rule], rows: Rows) -> list[ExpectationValidationResult]:
    """The result of each rule, in their order; the library gives them in its own."""
    columns = {str(value) for rule in rules for name, value in rule.arguments.items() if name.startswith("column")}
    columns |= {rule.where[0] for rule in rules if rule.where}
    frame = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=sorted(columns))
    frame[_LINE] = range(len(frame))
    found = _results(
        suite.name,
        frame,
        [(rule.expectation, rule.arguments, rule.where) for rule in rules],
        {"result_format": "COMPLETE", "unexpected_index_column_names": [_LINE]},
    )
    for number, result in enumerate(found):
        if not result.success and not {"observed_value", "unexpected_index_list"} & set(result.result):
            raise IntegrityError(
                f"A regra '{rules[number].says}' não pôde ser julgada",
                suite.label,
                "É um defeito do Implanta: avise quem o mantém. Nada foi mudado.",
            )
    return found


def _results(
    name: str,
    frame: pd.DataFrame,
    rules: Iterable[tuple[str, Mapping[str, object], tuple[str, str | int] | None]],
    result_format: Mapping[str, object],
) -> list[ExpectationValidationResult]:
    """The result of each expectation, its arguments and the value of a column to which it keeps, in their order."""
    expectations = [
        ExpectationConfiguration(
            type=expectation,
            kwargs={**arguments, **({"row_condition": Column(where[0]) == where[1]} if where else {})},
            meta={_NUMBER: number},
        ).to_domain_obj()
        for number, (expectation, arguments, where) in enumerate(rules)
    ]
    asset = _context().data_sources.add_or_update_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("tudo").get_batch(batch_parameters={"dataframe": frame})
    found = batch.validate(ExpectationSuite(name=name, expectations=expectations), result_format=dict(result_format))
    by_number = {_number(result): result for result in found.results}
    return [by_number[number] for number in range(len(expectations))]


def _number(result: ExpectationValidationResult) -> int:
    meta = (result.expectation_config.meta if result.expectation_config else None) or {}
    return int(meta[_NUMBER])


@cache
def _context() -> EphemeralDataContext:
    context = get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context
