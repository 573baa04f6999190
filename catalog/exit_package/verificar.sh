#!/usr/bin/env bash
# Confere este pacote sem o Implanta, e o restaura em um MariaDB vazio.
#
#   ./verificar.sh                        cada arquivo é, byte a byte, o que foi entregue, e quem o assinou
#   ./verificar.sh --restaurar OPÇÕES     carrega os bancos com o cliente mariadb (as OPÇÕES são as dele: --host, --user …)
#                                         e compara cada anexo com o que o banco diz dele
#
# Precisa de: sha256sum, openssl 3, zstd; para restaurar, também mariadb e md5sum.
set -euo pipefail
cd "$(dirname "$0")"

falha() { printf 'FALHOU: %s\n' "$1" >&2; exit 1; }

assinado() {
    base64 -d "$1.assinatura" > .assinatura.bin
    openssl pkeyutl -verify -pubin -inkey chave-publica.pem -rawin -in "$1" -sigfile .assinatura.bin > /dev/null \
        || { rm -f .assinatura.bin; falha "a assinatura de $1 não confere"; }
    rm -f .assinatura.bin
}

assinado SHA256SUMS
assinado manifesto.json
assinado certificado.json
sha256sum --quiet --strict -c SHA256SUMS || falha "um arquivo não é o que foi entregue"
zstd -q -t bancos.sql.zst || falha "bancos.sql.zst está danificado"
echo "Pacote íntegro e assinado: $(wc -l < SHA256SUMS) arquivos."
[ "${1:-}" = "--restaurar" ] || exit 0
shift

sei=$(cat banco-do-sei.txt)
existe=$(mariadb "$@" -N -B -e "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '$sei'")
[ "$existe" = 0 ] || falha "o banco $sei já existe neste servidor; restaure em um vazio"
zstd -q -d -c bancos.sql.zst | mariadb "$@" --binary-mode
mariadb "$@" -N -B "$sei" -e "SELECT LOWER(hash), CONCAT('arquivos/', DATE_FORMAT(dth_inclusao, '%Y/%m/%d/'), id_anexo)
    FROM anexo WHERE sin_ativo = 'S'" | sed 's/\t/  /' > .anexos.md5
if [ -s .anexos.md5 ]; then
    md5sum --quiet --strict -c .anexos.md5 || falha "um anexo não é o que o banco diz"
fi
echo "Restaurado: $(wc -l < .anexos.md5) anexos conferidos com o banco $sei."
rm -f .anexos.md5
