#!/usr/bin/env bash
# The backup that an operator would write, and its proof: dump, pack, copy to S3, fetch back, restore, compare.
# Prints the microseconds of each stage. SOURCE is an option file of the MariaDB clients; in the working directory lie
# rascunho.cnf, the same for the scratch server, and s3.cnf, curl's for the storage.
#   shell_backup.sh SOURCE SIP SEI REPOSITORY NIGHT_URL
set -euo pipefail
source=$1 sip=$2 sei=$3 repository=$4 night=$5

began=$EPOCHREALTIME
stage() {
    local now=$EPOCHREALTIME
    echo "$1 $((${now/[.,]/} - ${began/[.,]/}))"
    began=$EPOCHREALTIME
}

mariadb-dump --defaults-extra-file="$source" --single-transaction --routines --databases "$sip" "$sei" |
    zstd -3 -q >banco.sql.zst
stage dump

tar -C "$repository" -cf arquivos.tar .
stage tar

# curl and not boto3: 2.8 against 4.0 s to send 260 MB, 0.9 against 1.1 s to fetch them (the median of four, the same
# SeaweedFS), and nothing to import. It does not hash what it sends, which is in its favour as well.
for file in banco.sql.zst arquivos.tar; do
    curl -K s3.cnf -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -T "$file" "$night/$file"
done
stage upload

mkdir volta
for file in banco.sql.zst arquivos.tar; do
    curl -K s3.cnf -o "volta/$file" "$night/$file"
done
stage download

zstd -dcq volta/banco.sql.zst | mariadb --defaults-extra-file=rascunho.cnf
stage restore

mkdir arquivos
tar -C arquivos -xf volta/arquivos.tar
stage untar

list() {
    mariadb --defaults-extra-file=rascunho.cnf -N "$sei" -e "SELECT CONCAT(hash, '  ', '$2',
        DATE_FORMAT(dth_inclusao, '%Y/%m/%d/'), id_anexo) FROM $1 WHERE sin_ativo = 'S'"
}
list anexo '' >lista.md5
if mariadb --defaults-extra-file=rascunho.cnf -N "$sei" -e "SHOW TABLES LIKE 'md_pen_anexo_documento'" | grep -q .; then
    list md_pen_anexo_documento mod-pen/ >>lista.md5
fi
(cd arquivos && md5sum --quiet --strict --check ../lista.md5 >&2)
stage check
