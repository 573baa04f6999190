-- Reduced reference of the SEI database for SEI 4.1.0, written for Implanta: a subset of the tables, with rows of our own.
-- Names, columns, types and keys are those that SEI demands (tests/reference holds them against the official dump);
-- foreign keys to tables left out are left out too. The known weaknesses of every reference database are kept on
-- purpose, because creating an environment must close them: public access keys, sin_autenticar 'N', user teste with
-- permissions, example servers, parameters prefixed by the sigla ABC.

set names utf8mb4;
set foreign_key_checks = 0;  -- orgao, contato, unidade and usuario point at each other in a circle

-- ----------------------------------------------------------------------------------------------------
-- Bodies, units and people; all of them are contatos too
-- ----------------------------------------------------------------------------------------------------

drop table if exists orgao;
create table orgao (
  id_orgao                       int(11)       not null,
  sigla                          varchar(30)   not null,
  descricao                      varchar(250)  not null,
  sin_ativo                      char(1)       not null,
  timbre                         longtext      null,
  sin_envio_processo             char(1)       not null,
  numeracao                      varchar(250)  null,
  servidor_corretor_ortografico  varchar(250)  null,
  sta_corretor_ortografico       char(1)       not null,
  sin_publicacao                 char(1)       not null,
  codigo_sei                     varchar(10)   null,
  idx_orgao                      varchar(500)  null,
  id_contato                     int(11)       not null,
  sin_federacao_envio            char(1)       not null,
  sin_federacao_recebimento      char(1)       not null,
  id_unidade                     int(11)       null,
  id_orgao_federacao             varchar(26)   null,
  sin_consulta_processual        char(1)       not null,
  primary key (id_orgao),
  index fk_orgao_contato (id_contato),
  index fk_orgao_orgao_federacao (id_orgao_federacao),
  index fk_orgao_unidade (id_unidade),
  constraint fk_orgao_contato foreign key (id_contato) references contato (id_contato),
  constraint fk_orgao_unidade foreign key (id_unidade) references unidade (id_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into orgao
  (id_orgao, sigla, descricao, sin_ativo, sin_envio_processo, numeracao, sta_corretor_ortografico, sin_publicacao, codigo_sei, idx_orgao, id_contato, sin_federacao_envio, sin_federacao_recebimento, sin_consulta_processual)
values
  (0, 'ABC', 'Órgão de Exemplo', 'S', 'S', '@cod_orgao_sei_03d@@cod_unidade_sei_02d@.@seq_anual_cod_unidade_sei_06d@/@ano_4d@-@dv_mod11_executivo_federal_2d@', 'B', 'S', '999', 'abc orgao de exemplo', 100000010, 'N', 'N', 'N');

drop table if exists orgao_historico;
create table orgao_historico (
  id_orgao_historico  int(11)       not null,
  id_orgao            int(11)       not null,
  sigla               varchar(30)   not null,
  descricao           varchar(250)  not null,
  dta_inicio          datetime      not null,
  dta_fim             datetime      null,
  primary key (id_orgao_historico),
  unique i02_orgao_historico (dta_inicio, dta_fim, id_orgao),
  index fk_orgao_historico_orgao (id_orgao),
  constraint fk_orgao_historico_orgao foreign key (id_orgao) references orgao (id_orgao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into orgao_historico
  (id_orgao_historico, id_orgao, sigla, descricao, dta_inicio)
values
  (1, 0, 'ABC', 'Órgão de Exemplo', '2026-01-01 00:00:00');

drop table if exists unidade;
create table unidade (
  id_unidade            int(11)       not null,
  sin_ativo             char(1)       not null,
  sigla                 varchar(30)   not null,
  descricao             varchar(250)  not null,
  sin_mail_pendencia    char(1)       not null,
  id_orgao              int(11)       not null,
  sin_envio_processo    char(1)       not null,
  sin_arquivamento      char(1)       not null,
  sin_ouvidoria         char(1)       not null,
  sin_protocolo         char(1)       not null,
  codigo_sei            varchar(10)   null,
  id_contato            int(11)       not null,
  idx_unidade           varchar(500)  null,
  id_origem             varchar(50)   null,
  id_unidade_federacao  varchar(26)   null,
  primary key (id_unidade),
  index fk_unidade_contato (id_contato),
  index fk_unidade_orgao (id_orgao),
  index fk_unidade_unidade_federacao (id_unidade_federacao),
  index i01_unidade (sin_ativo, id_orgao, sin_protocolo, sin_ouvidoria, sin_envio_processo),
  index i02_unidade (sin_ativo, sigla),
  constraint fk_unidade_contato foreign key (id_contato) references contato (id_contato),
  constraint fk_unidade_orgao foreign key (id_orgao) references orgao (id_orgao) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into unidade
  (id_unidade, sigla, descricao, id_orgao, id_contato, codigo_sei, sin_ativo, sin_envio_processo, sin_mail_pendencia, sin_arquivamento, sin_ouvidoria, sin_protocolo, idx_unidade)
values
  (110000001, 'TESTE', 'Unidade de Teste', 0, 100000006, '90', 'S', 'S', 'N', 'N', 'N', 'N', 'teste unidade de teste'),
  (110000002, 'TESTE_1_1', 'Unidade de Teste 1.1', 0, 100000007, '91', 'S', 'S', 'N', 'N', 'N', 'N', 'teste_1_1 unidade de teste 1.1'),
  (110000003, 'TESTE_1_2', 'Unidade de Teste 1.2', 0, 100000008, '92', 'S', 'S', 'N', 'N', 'N', 'N', 'teste_1_2 unidade de teste 1.2');

drop table if exists unidade_historico;
create table unidade_historico (
  id_unidade_historico  int(11)       not null,
  id_unidade            int(11)       not null,
  id_orgao              int(11)       not null,
  sigla                 varchar(30)   not null,
  descricao             varchar(250)  not null,
  dta_inicio            datetime      not null,
  dta_fim               datetime      null,
  primary key (id_unidade_historico),
  unique i02_unidade_historico (dta_inicio, dta_fim, id_unidade),
  index fk_unidade_historico_orgao (id_orgao),
  index fk_unidade_historico_unidade (id_unidade),
  constraint fk_unidade_historico_orgao foreign key (id_orgao) references orgao (id_orgao),
  constraint fk_unidade_historico_unidade foreign key (id_unidade) references unidade (id_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into unidade_historico
  (id_unidade_historico, id_unidade, id_orgao, sigla, descricao, dta_inicio)
values
  (1, 110000001, 0, 'TESTE', 'Unidade de Teste', '2026-01-01 00:00:00'),
  (2, 110000002, 0, 'TESTE_1_1', 'Unidade de Teste 1.1', '2026-01-01 00:00:00'),
  (3, 110000003, 0, 'TESTE_1_2', 'Unidade de Teste 1.2', '2026-01-01 00:00:00');

drop table if exists usuario;
create table usuario (
  id_usuario            int(11)       not null,
  sin_ativo             char(1)       not null,
  sigla                 varchar(100)  not null,
  nome                  varchar(100)  not null,
  id_contato            int(11)       not null,
  id_orgao              int(11)       not null,
  idx_usuario           varchar(500)  null,
  sta_tipo              char(1)       not null,
  senha                 char(60)      null,
  id_origem             varchar(50)   null,
  nome_registro_civil   varchar(100)  not null,
  nome_social           varchar(100)  null,
  id_usuario_federacao  varchar(26)   null,
  primary key (id_usuario),
  index fk_usuario_contato (id_contato),
  index fk_usuario_orgao (id_orgao),
  index fk_usuario_usuario_federacao (id_usuario_federacao),
  index i01_usuario (id_orgao, sta_tipo, sigla, idx_usuario, sin_ativo),
  index i02_usuario (id_contato, sta_tipo),
  constraint fk_usuario_contato foreign key (id_contato) references contato (id_contato) on update no action on delete no action,
  constraint fk_usuario_orgao foreign key (id_orgao) references orgao (id_orgao) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into usuario
  (id_usuario, sigla, nome, nome_registro_civil, id_contato, id_orgao, sta_tipo, sin_ativo, idx_usuario)
values
  (1, 'SEI', 'Sistema Eletrônico de Informações', 'Sistema Eletrônico de Informações', 100000002, 0, '1', 'S', 'sei sistema eletronico de informacoes'),
  (2, 'SIP', 'Sistema de Permissões', 'Sistema de Permissões', 100000003, 0, '1', 'S', 'sip sistema de permissoes'),
  (3, 'INTRANET', 'Intranet', 'Intranet', 100000004, 0, '1', 'S', 'intranet intranet'),
  (4, 'INTERNET', 'Internet', 'Internet', 100000005, 0, '1', 'S', 'internet internet'),
  (100000001, 'teste', 'Usuário de Teste', 'Usuário de Teste', 100000009, 0, '0', 'S', 'teste usuario de teste');

drop table if exists contato;
create table contato (
  id_contato              int(11)        not null,
  id_cargo                int(11)        null,
  nome                    varchar(250)   not null,
  matricula_oab           varchar(10)    null,
  cpf                     bigint(20)     null,
  matricula               varchar(10)    null,
  email                   varchar(100)   null,
  sitio_internet          varchar(50)    null,
  endereco                varchar(130)   null,
  bairro                  varchar(70)    null,
  cep                     varchar(15)    null,
  observacao              varchar(250)   null,
  idx_contato             varchar(1000)  null,
  dta_nascimento          datetime       null,
  sin_ativo               char(1)        not null,
  cnpj                    bigint(20)     null,
  sigla                   varchar(100)   null,
  id_unidade_cadastro     int(11)        null,
  id_usuario_cadastro     int(11)        null,
  dth_cadastro            datetime       null,
  rg                      bigint(20)     null,
  orgao_expedidor         varchar(50)    null,
  complemento             varchar(130)   null,
  sta_natureza            char(1)        not null,
  sin_endereco_associado  char(1)        not null,
  telefone_celular        varchar(50)    null,
  id_cidade               int(11)        null,
  id_uf                   int(11)        null,
  id_pais                 int(11)        null,
  id_contato_associado    int(11)        not null,
  sta_genero              char(1)        null,
  id_tipo_contato         int(11)        not null,
  numero_passaporte       varchar(15)    null,
  id_pais_passaporte      int(11)        null,
  id_titulo               int(11)        null,
  telefone_comercial      varchar(100)   null,
  telefone_residencial    varchar(50)    null,
  conjuge                 varchar(100)   null,
  funcao                  varchar(100)   null,
  nome_registro_civil     varchar(250)   null,
  nome_social             varchar(250)   null,
  id_categoria            int(11)        null,
  primary key (id_contato),
  index fk_contato_cargo (id_cargo),
  index fk_contato_categoria (id_categoria),
  index fk_contato_cidade (id_cidade),
  index fk_contato_pais (id_pais),
  index fk_contato_pais_passaporte (id_pais_passaporte),
  index fk_contato_tipo_contato (id_tipo_contato),
  index fk_contato_titulo (id_titulo),
  index fk_contato_uf (id_uf),
  index fk_contato_unidade_cadastro (id_unidade_cadastro),
  index fk_contato_usuario_cadastro (id_usuario_cadastro),
  index i01_contato (id_tipo_contato, sigla, nome, sin_ativo),
  index i02_contato (cpf),
  index i03_contato (cnpj),
  index i11_contato (nome, sin_ativo, sigla),
  constraint fk_contato_cargo foreign key (id_cargo) references cargo (id_cargo),
  constraint fk_contato_categoria foreign key (id_categoria) references categoria (id_categoria),
  constraint fk_contato_cidade foreign key (id_cidade) references cidade (id_cidade),
  constraint fk_contato_pais foreign key (id_pais) references pais (id_pais),
  constraint fk_contato_pais_passaporte foreign key (id_pais_passaporte) references pais (id_pais),
  constraint fk_contato_tipo_contato foreign key (id_tipo_contato) references tipo_contato (id_tipo_contato),
  constraint fk_contato_titulo foreign key (id_titulo) references titulo (id_titulo),
  constraint fk_contato_uf foreign key (id_uf) references uf (id_uf),
  constraint fk_contato_unidade_cadastro foreign key (id_unidade_cadastro) references unidade (id_unidade),
  constraint fk_contato_usuario_cadastro foreign key (id_usuario_cadastro) references usuario (id_usuario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into contato
  (id_contato, nome, sigla, id_tipo_contato, sta_natureza, sin_endereco_associado, id_contato_associado, idx_contato, sin_ativo, dth_cadastro, id_pais, id_unidade_cadastro, id_usuario_cadastro, nome_registro_civil, email)
values
  (100000002, 'Sistema Eletrônico de Informações', 'SEI', 2, 'J', 'N', 100000002, 'sei sistema eletronico de informacoes', 'S', '2026-01-01 00:00:00', 76, null, null, null, null),
  (100000003, 'Sistema de Permissões', 'SIP', 2, 'J', 'N', 100000003, 'sip sistema de permissoes', 'S', '2026-01-01 00:00:00', 76, null, null, null, null),
  (100000004, 'Intranet', 'INTRANET', 2, 'J', 'N', 100000004, 'intranet intranet', 'S', '2026-01-01 00:00:00', 76, null, null, null, null),
  (100000005, 'Internet', 'INTERNET', 2, 'J', 'N', 100000005, 'internet internet', 'S', '2026-01-01 00:00:00', 76, null, null, null, null),
  (100000006, 'Unidade de Teste', 'TESTE', 5, 'J', 'N', 100000010, 'teste unidade de teste', 'S', '2026-01-01 00:00:00', 76, 110000001, 2, null, null),
  (100000007, 'Unidade de Teste 1.1', 'TESTE_1_1', 5, 'J', 'N', 100000010, 'teste_1_1 unidade de teste 1.1', 'S', '2026-01-01 00:00:00', 76, 110000001, 2, null, null),
  (100000008, 'Unidade de Teste 1.2', 'TESTE_1_2', 5, 'J', 'N', 100000010, 'teste_1_2 unidade de teste 1.2', 'S', '2026-01-01 00:00:00', 76, 110000001, 2, null, null),
  (100000009, 'Usuário de Teste', 'teste', 1, 'F', 'S', 100000010, 'teste usuario de teste', 'S', '2026-01-01 00:00:00', 76, 110000001, 2, 'Usuário de Teste', null),
  (100000010, 'Órgão de Exemplo', 'ABC', 6, 'J', 'N', 100000010, 'abc orgao de exemplo', 'S', '2026-01-01 00:00:00', 76, null, null, null, 'contato@exemplo.invalid');

drop table if exists tipo_contato;
create table tipo_contato (
  id_tipo_contato  int(11)       not null,
  nome             varchar(50)   not null,
  descricao        varchar(250)  null,
  sin_ativo        char(1)       not null,
  sin_sistema      char(1)       not null,
  sta_acesso       char(1)       not null,
  primary key (id_tipo_contato)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tipo_contato
  (id_tipo_contato, nome, descricao, sin_ativo, sin_sistema, sta_acesso)
values
  (1, 'Usuários ABC', 'Pessoas que entram no SEI deste órgão.', 'S', 'S', 'R'),
  (2, 'Sistemas', 'Sistemas integrados.', 'S', 'S', 'N'),
  (3, 'Usuários Externos', 'Pessoas de fora com acesso externo.', 'S', 'N', 'R'),
  (4, 'Temporário', 'Cadastros à espera de revisão.', 'S', 'N', 'R'),
  (5, 'Unidades ABC', 'Unidades deste órgão.', 'S', 'S', 'C'),
  (6, 'Órgãos', 'Órgãos desta instalação.', 'S', 'S', 'C');

drop table if exists rel_unidade_tipo_contato;
create table rel_unidade_tipo_contato (
  id_rel_unidade_tipo_contato  int(11)  not null,
  id_unidade                   int(11)  not null,
  id_tipo_contato              int(11)  not null,
  sta_acesso                   char(1)  not null,
  primary key (id_rel_unidade_tipo_contato),
  index fk_rel_unid_tip_cont_tip_cont (id_tipo_contato),
  index fk_rel_unid_tip_cont_unid (id_unidade),
  index i01_rel_unidade_tipo_contato (id_unidade, id_tipo_contato, sta_acesso),
  constraint fk_rel_unid_tip_cont_tip_cont foreign key (id_tipo_contato) references tipo_contato (id_tipo_contato),
  constraint fk_rel_unid_tip_cont_unid foreign key (id_unidade) references unidade (id_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_unidade_tipo_contato
  (id_rel_unidade_tipo_contato, id_unidade, id_tipo_contato, sta_acesso)
values
  (1, 110000001, 1, 'A'),
  (2, 110000001, 2, 'A'),
  (3, 110000001, 3, 'A'),
  (4, 110000001, 4, 'A'),
  (5, 110000001, 5, 'A'),
  (6, 110000001, 6, 'A');

drop table if exists email_unidade;
create table email_unidade (
  id_email_unidade  int(11)       not null,
  id_unidade        int(11)       not null,
  email             varchar(50)   not null,
  descricao         varchar(250)  not null,
  sequencia         int(11)       not null,
  primary key (id_email_unidade),
  index fk_email_unidade_unidade (id_unidade),
  constraint fk_email_unidade_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into email_unidade
  (id_email_unidade, id_unidade, email, descricao, sequencia)
values
  (1, 110000001, 'teste@exemplo.invalid', 'E-mail da unidade', 0),
  (2, 110000002, 'teste_1_1@exemplo.invalid', 'E-mail da unidade', 0),
  (3, 110000003, 'teste_1_2@exemplo.invalid', 'E-mail da unidade', 0);

-- ----------------------------------------------------------------------------------------------------
-- Places: IBGE codes, the state capitals and every municipality of Minas Gerais
-- ----------------------------------------------------------------------------------------------------

drop table if exists pais;
create table pais (
  id_pais  int(11)      not null,
  nome     varchar(50)  not null,
  primary key (id_pais)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into pais
  (id_pais, nome)
values
  (76, 'Brasil');

drop table if exists uf;
create table uf (
  id_uf        int(11)      not null,
  sigla        char(2)      null,
  nome         varchar(50)  not null,
  id_pais      int(11)      not null,
  codigo_ibge  int(11)      null,
  primary key (id_uf),
  index fk_uf_pais (id_pais),
  constraint fk_uf_pais foreign key (id_pais) references pais (id_pais) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into uf
  (id_uf, sigla, nome, id_pais, codigo_ibge)
values
  (1, 'RO', 'Rondônia', 76, 11), (2, 'AC', 'Acre', 76, 12), (3, 'AM', 'Amazonas', 76, 13),
  (4, 'RR', 'Roraima', 76, 14), (5, 'PA', 'Pará', 76, 15), (6, 'AP', 'Amapá', 76, 16),
  (7, 'TO', 'Tocantins', 76, 17), (8, 'MA', 'Maranhão', 76, 21), (9, 'PI', 'Piauí', 76, 22),
  (10, 'CE', 'Ceará', 76, 23), (11, 'RN', 'Rio Grande do Norte', 76, 24), (12, 'PB', 'Paraíba', 76, 25),
  (13, 'PE', 'Pernambuco', 76, 26), (14, 'AL', 'Alagoas', 76, 27), (15, 'SE', 'Sergipe', 76, 28),
  (16, 'BA', 'Bahia', 76, 29), (17, 'MG', 'Minas Gerais', 76, 31), (18, 'ES', 'Espírito Santo', 76, 32),
  (19, 'RJ', 'Rio de Janeiro', 76, 33), (20, 'SP', 'São Paulo', 76, 35), (21, 'PR', 'Paraná', 76, 41),
  (22, 'SC', 'Santa Catarina', 76, 42), (23, 'RS', 'Rio Grande do Sul', 76, 43),
  (24, 'MS', 'Mato Grosso do Sul', 76, 50), (25, 'MT', 'Mato Grosso', 76, 51), (26, 'GO', 'Goiás', 76, 52),
  (27, 'DF', 'Distrito Federal', 76, 53);

drop table if exists cidade;
create table cidade (
  id_cidade    int(11)       not null,
  id_uf        int(11)       null,
  nome         varchar(50)   not null,
  id_pais      int(11)       null,
  codigo_ibge  int(11)       null,
  sin_capital  char(1)       not null,
  latitude     decimal(9,6)  null,
  longitude    decimal(9,6)  null,
  primary key (id_cidade),
  unique ak1_cidade (id_uf, nome),
  index fk_cidade_pais (id_pais),
  index fk_cidade_uf (id_uf),
  index i01_cidade (id_pais, id_uf, sin_capital, codigo_ibge),
  constraint fk_cidade_pais foreign key (id_pais) references pais (id_pais) on update no action on delete no action,
  constraint fk_cidade_uf foreign key (id_uf) references uf (id_uf) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into cidade
  (id_cidade, id_uf, nome, id_pais, codigo_ibge, sin_capital)
values
  (1, 1, 'Porto Velho', 76, 1100205, 'S'), (2, 2, 'Rio Branco', 76, 1200401, 'S'),
  (3, 3, 'Manaus', 76, 1302603, 'S'), (4, 4, 'Boa Vista', 76, 1400100, 'S'), (5, 5, 'Belém', 76, 1501402, 'S'),
  (6, 6, 'Macapá', 76, 1600303, 'S'), (7, 7, 'Palmas', 76, 1721000, 'S'), (8, 8, 'São Luís', 76, 2111300, 'S'),
  (9, 9, 'Teresina', 76, 2211001, 'S'), (10, 10, 'Fortaleza', 76, 2304400, 'S'), (11, 11, 'Natal', 76, 2408102, 'S'),
  (12, 12, 'João Pessoa', 76, 2507507, 'S'), (13, 13, 'Recife', 76, 2611606, 'S'),
  (14, 14, 'Maceió', 76, 2704302, 'S'), (15, 15, 'Aracaju', 76, 2800308, 'S'),
  (16, 16, 'Salvador', 76, 2927408, 'S'), (82, 17, 'Belo Horizonte', 76, 3106200, 'S'),
  (208, 17, 'Conceição do Mato Dentro', 76, 3117504, 'N'), (256, 17, 'Diamantina', 76, 3121605, 'N'),
  (453, 17, 'Lavras', 76, 3138203, 'N'), (536, 17, 'Nova Lima', 76, 3144805, 'N'),
  (623, 17, 'Pompéu', 76, 3152006, 'N'), (653, 17, 'Ribeirão das Neves', 76, 3154606, 'N'),
  (657, 17, 'Rio Doce', 76, 3155009, 'N'), (821, 17, 'Teófilo Otoni', 76, 3168606, 'N'),
  (822, 17, 'Timóteo', 76, 3168705, 'N'), (842, 17, 'Unaí', 76, 3170404, 'N'),
  (870, 18, 'Vitória', 76, 3205309, 'S'), (871, 19, 'Rio de Janeiro', 76, 3304557, 'S'),
  (872, 20, 'São Paulo', 76, 3550308, 'S'), (873, 21, 'Curitiba', 76, 4106902, 'S'),
  (874, 22, 'Florianópolis', 76, 4205407, 'S'), (875, 23, 'Porto Alegre', 76, 4314902, 'S'),
  (876, 24, 'Campo Grande', 76, 5002704, 'S'), (877, 25, 'Cuiabá', 76, 5103403, 'S'),
  (878, 26, 'Goiânia', 76, 5208707, 'S'), (879, 27, 'Brasília', 76, 5300108, 'S');

-- ----------------------------------------------------------------------------------------------------
-- Forms of address and signing roles
-- ----------------------------------------------------------------------------------------------------

drop table if exists tratamento;
create table tratamento (
  id_tratamento  int(11)       not null,
  expressao      varchar(100)  not null,
  sin_ativo      char(1)       not null,
  primary key (id_tratamento),
  index ie1_tratamento (id_tratamento, sin_ativo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tratamento
  (id_tratamento, expressao, sin_ativo)
values
  (1, 'A Senhora', 'S'),
  (2, 'Ao Senhor', 'S'),
  (3, 'A Sua Excelência', 'S');

drop table if exists vocativo;
create table vocativo (
  id_vocativo  int(11)       not null,
  expressao    varchar(100)  not null,
  sin_ativo    char(1)       not null,
  primary key (id_vocativo),
  index ie1_vocativo (id_vocativo, sin_ativo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into vocativo
  (id_vocativo, expressao, sin_ativo)
values
  (1, 'Senhora', 'S'),
  (2, 'Senhor', 'S'),
  (3, 'Senhora Prefeita', 'S'),
  (4, 'Senhor Prefeito', 'S');

drop table if exists titulo;
create table titulo (
  id_titulo    int(11)       not null,
  expressao    varchar(100)  not null,
  abreviatura  varchar(20)   null,
  sin_ativo    char(1)       not null,
  primary key (id_titulo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists categoria;
create table categoria (
  id_categoria  int(11)       not null,
  nome          varchar(100)  not null,
  sin_ativo     char(1)       not null,
  primary key (id_categoria)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists cargo;
create table cargo (
  id_cargo       int(11)       not null,
  expressao      varchar(100)  not null,
  sin_ativo      char(1)       not null,
  id_tratamento  int(11)       null,
  id_vocativo    int(11)       null,
  sta_genero     char(1)       null,
  id_titulo      int(11)       null,
  primary key (id_cargo),
  index fk_cargo_titulo (id_titulo),
  index fk_cargo_tratamento (id_tratamento),
  index fk_cargo_vocativo (id_vocativo),
  index ie1_cargo (id_cargo, sin_ativo),
  constraint fk_cargo_titulo foreign key (id_titulo) references titulo (id_titulo),
  constraint fk_cargo_tratamento foreign key (id_tratamento) references tratamento (id_tratamento),
  constraint fk_cargo_vocativo foreign key (id_vocativo) references vocativo (id_vocativo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into cargo
  (id_cargo, expressao, sin_ativo, id_tratamento, id_vocativo, sta_genero)
values
  (1, 'Prefeita', 'S', 3, 3, 'F'),
  (2, 'Prefeito', 'S', 3, 4, 'M'),
  (3, 'Cidadã', 'S', 1, 1, 'F'),
  (4, 'Cidadão', 'S', 2, 2, 'M');

drop table if exists assinante;
create table assinante (
  id_assinante  int(11)       not null,
  cargo_funcao  varchar(200)  not null,
  id_orgao      int(11)       not null,
  primary key (id_assinante),
  index fk_assinante_orgao (id_orgao),
  constraint fk_assinante_orgao foreign key (id_orgao) references orgao (id_orgao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into assinante
  (id_assinante, cargo_funcao, id_orgao)
values
  (1, 'Prefeito(a)', 0),
  (2, 'Secretário(a) Municipal', 0),
  (3, 'Chefe de Gabinete', 0),
  (4, 'Servidor(a)', 0);

drop table if exists rel_assinante_unidade;
create table rel_assinante_unidade (
  id_unidade    int(11)  not null,
  id_assinante  int(11)  not null,
  primary key (id_unidade, id_assinante),
  index fk_rel_assinante_uni_assinante (id_assinante),
  index fk_rel_assinante_uni_unidade (id_unidade),
  constraint fk_rel_assinante_uni_assinante foreign key (id_assinante) references assinante (id_assinante) on update no action on delete no action,
  constraint fk_rel_assinante_uni_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_assinante_unidade
  (id_assinante, id_unidade)
values
  (1, 110000001), (1, 110000002), (1, 110000003), (2, 110000001), (2, 110000002), (2, 110000003), (3, 110000001),
  (3, 110000002), (3, 110000003), (4, 110000001), (4, 110000002), (4, 110000003);

drop table if exists tarja_assinatura;
create table tarja_assinatura (
  id_tarja_assinatura   int(11)   not null,
  texto                 longtext  not null,
  logo                  longtext  null,
  sin_ativo             char(1)   not null,
  sta_tarja_assinatura  char(1)   not null,
  primary key (id_tarja_assinatura)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tarja_assinatura
  (id_tarja_assinatura, texto, sin_ativo, sta_tarja_assinatura)
values
  (1, '<p>Assinado por <b>@nome_assinante@</b>, @tratamento_assinante@, em @data_assinatura@, às @hora_assinatura@.</p>', 'S', 'S'),
  (2, '<p>Confira a autenticidade em @link_acesso_externo_processo@.</p>', 'S', 'V');

-- ----------------------------------------------------------------------------------------------------
-- Parameters, counters kept as rows, schedules and logs
-- ----------------------------------------------------------------------------------------------------

drop table if exists infra_parametro;
create table infra_parametro (
  nome   varchar(100)  not null,
  valor  longtext      null,
  primary key (nome)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_parametro
  (nome, valor)
values
  ('ABC_ID_TIPO_CONTATO_UNIDADES', '5'),
  ('ABC_ID_TIPO_CONTATO_USUARIOS', '1'),
  ('ID_MODELO_INTERNO_BASE_CONHECIMENTO', '40'),
  ('ID_PAIS_BRASIL', '76'),
  ('ID_SERIE_EDITAL_ELIMINACAO', ''),
  ('ID_SERIE_EDITAL_ELIMINACAO_LISTAGEM_ELIMINADOS', ''),
  ('ID_SERIE_EMAIL', '30'),
  ('ID_SERIE_OUVIDORIA', '86'),
  ('ID_TIPO_CONTATO_ORGAOS', '6'),
  ('ID_TIPO_CONTATO_SISTEMAS', '2'),
  ('ID_TIPO_CONTATO_TEMPORARIO', '4'),
  ('ID_TIPO_CONTATO_USUARIOS_EXTERNOS', '3'),
  ('ID_TIPO_PROCEDIMENTO_ELIMINACAO', ''),
  ('ID_UNIDADE_TESTE', '110000001'),
  ('ID_USUARIO_INTERNET', '4'),
  ('ID_USUARIO_INTRANET', '3'),
  ('ID_USUARIO_SEI', '1'),
  ('ID_USUARIO_SIP', '2'),
  ('SEI_ACESSO_FORMULARIO_OUVIDORIA', '0'),
  ('SEI_ALTERACAO_NIVEL_ACESSO_DOCUMENTO', '1'),
  ('SEI_DATA_CORTE_SINALIZADOR_PARA_ARQUIVAMENTO', ''),
  ('SEI_EMAIL_ADMINISTRADOR', 'administrador@exemplo.invalid'),
  ('SEI_EMAIL_CONVERTER_ANEXO_HTML_PARA_PDF', '0'),
  ('SEI_EMAIL_SISTEMA', 'naoresponda@exemplo.invalid'),
  ('SEI_EXIBIR_ARVORE_RESTRITO_SEM_ACESSO', '1'),
  ('SEI_FEDERACAO_NOME_TIPO_PROCESSO', '0'),
  ('SEI_FEDERACAO_NUMERO_PROCESSO', '1'),
  ('SEI_HABILITAR_ACESSO_EXTERNO_INCLUSAO_DOCUMENTO', '0'),
  ('SEI_HABILITAR_AUTENTICACAO_DOCUMENTO_EXTERNO', '1'),
  ('SEI_HABILITAR_CONSULTA_PROCESSUAL', '0'),
  ('SEI_HABILITAR_GRAU_SIGILO', '0'),
  ('SEI_HABILITAR_HIPOTESE_LEGAL', '2'),
  ('SEI_HABILITAR_MOVER_DOCUMENTO', '2'),
  ('SEI_HABILITAR_NUMERO_PROCESSO_INFORMADO', '1'),
  ('SEI_HABILITAR_VALIDACAO_CPF_CERTIFICADO_DIGITAL', '1'),
  ('SEI_HABILITAR_VALIDACAO_EXTENSAO_ARQUIVOS', '1'),
  ('SEI_HABILITAR_VERIFICACAO_REPOSITORIO', '0'),
  ('SEI_ID_SISTEMA', '100000100'),
  ('SEI_ID_TIPO_PROCEDIMENTO_FEDERACAO', '14'),
  ('SEI_MASCARA_ASSUNTO', null),
  ('SEI_MASCARA_NUMERO_PROCESSO_INFORMADO', '#####.######/####-##'),
  ('SEI_MAX_TAM_MENSAGEM_OUVIDORIA', '4000'),
  ('SEI_MSG_AVISO_CADASTRO_USUARIO_EXTERNO', 'Cadastro para cidadãos e empresas que acompanham processos desta administração.'),
  ('SEI_MSG_FORMULARIO_OUVIDORIA', ''),
  ('SEI_NUM_DIAS_PRAZO_ELIMINACAO', ''),
  ('SEI_NUM_MAX_DOCS_PASTA', '20'),
  ('SEI_NUM_MAX_PROTOCOLOS_BLOCO', '1000'),
  ('SEI_NUM_PAGINACAO_CONTROLE_PROCESSOS', '100'),
  ('SEI_SINALIZACAO_PROCESSO', '1'),
  ('SEI_SUFIXO_EMAIL', '.gov.br'),
  ('SEI_TAM_MB_CORRETOR_DESABILITADO', '2'),
  ('SEI_TAM_MB_DOC_EXTERNO', '200'),
  ('SEI_TIPO_ASSINATURA_INTERNA', '1'),
  ('SEI_TIPO_AUTENTICACAO_INTERNA', '1'),
  ('SEI_TIPO_CAPTCHA', '5'),
  ('SEI_VERSAO', '4.1.0'),
  ('SEI_WS_NUM_MAX_DOCS', '5'),
  ('SEI_WS_PLANO_TRABALHO_INCLUSAO_DOCUMENTO', '0');

drop table if exists infra_sequencia;
create table infra_sequencia (
  nome_tabela     varchar(30)  not null,
  qtd_incremento  bigint(20)   not null,
  num_atual       bigint(20)   not null,
  num_maximo      bigint(20)   not null,
  primary key (nome_tabela),
  index i01_infra_sequencia (nome_tabela, num_atual, qtd_incremento, num_maximo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_sequencia
  (nome_tabela, qtd_incremento, num_atual, num_maximo)
values
  ('infra_agendamento_tarefa', 1, 9, 999999999),
  ('usuario_externo', 1, 1000000, 1999999),
  ('usuario_sistema', 1, 7, 999999);

drop table if exists infra_agendamento_tarefa;
create table infra_agendamento_tarefa (
  id_infra_agendamento_tarefa  int(11)       not null,
  descricao                    varchar(500)  not null,
  comando                      varchar(255)  not null,
  sta_periodicidade_execucao   char(1)       not null,
  periodicidade_complemento    varchar(200)  null,
  dth_ultima_execucao          datetime      null,
  dth_ultima_conclusao         datetime      null,
  sin_sucesso                  char(1)       not null,
  parametro                    varchar(250)  null,
  email_erro                   varchar(250)  null,
  sin_ativo                    char(1)       not null,
  primary key (id_infra_agendamento_tarefa)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_agendamento_tarefa
  (id_infra_agendamento_tarefa, descricao, comando, sta_periodicidade_execucao, periodicidade_complemento, sin_sucesso, parametro, sin_ativo)
values
  (1, 'Limpar dados temporários de estatísticas', 'AgendamentoRN::removerDadosTemporariosEstatisticas', 'D', '3', 'N', null, 'S'),
  (2, 'Apagar arquivos de documentos externos excluídos', 'AgendamentoRN::removerAquivosExternosExcluidos', 'D', '4', 'N', null, 'S'),
  (3, 'Otimizar os índices da pesquisa', 'AgendamentoRN::otimizarIndicesSolr', 'D', '2', 'N', null, 'S'),
  (4, 'Limpar dados temporários de auditoria', 'AgendamentoRN::removerDadosTemporariosAuditoria', 'D', '3', 'N', null, 'S'),
  (5, 'Confirmar publicações internas', 'AgendamentoRN::confirmarPublicacaoInterna', 'D', '00:00,01:00', 'N', 'idOrgao=0', 'S'),
  (6, 'Sinal de vida do agendador do SEI', 'AgendamentoRN::testarAgendamento', 'N', '0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55', 'N', null, 'N'),
  (7, 'Apagar arquivos enviados e não usados', 'AgendamentoRN::removerAquivosNaoUtilizados', 'D', '5', 'N', null, 'S'),
  (8, 'Enviar pendências da federação', 'AgendamentoRN::processarFederacao', 'N', '0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55', 'N', null, 'S'),
  (9, 'Reabrir processos com data marcada', 'AgendamentoRN::reabrirProcessos', 'D', '00:01,01:01', 'N', null, 'S');

drop table if exists infra_log;
create table infra_log (
  id_infra_log  bigint(20)   not null,
  dth_log       datetime     null,
  texto_log     longtext     not null,
  ip            varchar(39)  null,
  sta_tipo      char(1)      not null,
  primary key (id_infra_log),
  index i01_infra_log (sta_tipo, dth_log)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists infra_auditoria;
create table infra_auditoria (
  id_infra_auditoria            bigint(20)    not null,
  recurso                       varchar(50)   not null,
  dth_acesso                    datetime      not null,
  ip                            varchar(39)   null,
  id_usuario                    int(11)       null,
  sigla_usuario                 varchar(100)  null,
  nome_usuario                  varchar(100)  null,
  id_orgao_usuario              int(11)       null,
  sigla_orgao_usuario           varchar(30)   null,
  id_usuario_emulador           int(11)       null,
  sigla_usuario_emulador        varchar(100)  null,
  nome_usuario_emulador         varchar(100)  null,
  id_orgao_usuario_emulador     int(11)       null,
  sigla_orgao_usuario_emulador  varchar(30)   null,
  id_unidade                    int(11)       null,
  sigla_unidade                 varchar(30)   null,
  descricao_unidade             varchar(250)  null,
  id_orgao_unidade              int(11)       null,
  sigla_orgao_unidade           varchar(30)   null,
  servidor                      varchar(250)  null,
  user_agent                    longtext      null,
  requisicao                    longtext      null,
  operacao                      longtext      null,
  primary key (id_infra_auditoria),
  index i01_infra_auditoria (recurso),
  index i02_infra_auditoria (dth_acesso),
  index i03_infra_auditoria (sigla_usuario),
  index i04_infra_auditoria (sigla_unidade),
  index i05_infra_auditoria (id_usuario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists infra_regra_auditoria;
create table infra_regra_auditoria (
  id_infra_regra_auditoria  int(11)       not null,
  descricao                 varchar(250)  not null,
  sin_ativo                 char(1)       not null,
  primary key (id_infra_regra_auditoria)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_regra_auditoria
  (id_infra_regra_auditoria, descricao, sin_ativo)
values
  (2, 'Geral', 'S');

drop table if exists infra_regra_auditoria_recurso;
create table infra_regra_auditoria_recurso (
  id_infra_regra_auditoria  int(11)      not null,
  recurso                   varchar(50)  not null,
  primary key (id_infra_regra_auditoria, recurso),
  index fk_inf_reg_aud_rec_inf_reg_aud (id_infra_regra_auditoria),
  constraint fk_inf_reg_aud_rec_inf_reg_aud foreign key (id_infra_regra_auditoria) references infra_regra_auditoria (id_infra_regra_auditoria)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_regra_auditoria_recurso
  (id_infra_regra_auditoria, recurso)
values
  (2, 'documento_gerar'),
  (2, 'documento_receber'),
  (2, 'procedimento_gerar');

drop table if exists infra_erro_php;
create table infra_erro_php (
  id_infra_erro_php  varchar(32)    not null,
  sta_tipo           int(11)        not null,
  arquivo            varchar(255)   not null,
  linha              int(11)        not null,
  erro               varchar(4000)  not null,
  dth_cadastro       datetime       not null,
  primary key (id_infra_erro_php)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Holidays
-- ----------------------------------------------------------------------------------------------------

drop table if exists feriado;
create table feriado (
  id_feriado   int(11)       not null,
  id_orgao     int(11)       null,
  descricao    varchar(100)  not null,
  dta_feriado  datetime      not null,
  primary key (id_feriado),
  index fk_feriado_orgao (id_orgao),
  constraint fk_feriado_orgao foreign key (id_orgao) references orgao (id_orgao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Document types and their templates
-- ----------------------------------------------------------------------------------------------------

drop table if exists modelo;
create table modelo (
  id_modelo  int(11)      not null,
  nome       varchar(50)  not null,
  sin_ativo  char(1)      not null,
  primary key (id_modelo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into modelo
  (id_modelo, nome, sin_ativo)
values
  (1, 'Texto livre', 'S'),
  (40, 'Base de conhecimento', 'S');

drop table if exists secao_modelo;
create table secao_modelo (
  id_secao_modelo      int(11)      not null,
  id_modelo            int(11)      not null,
  nome                 varchar(50)  not null,
  conteudo             longtext     null,
  ordem                int(11)      not null,
  sin_somente_leitura  char(1)      not null,
  sin_assinatura       char(1)      not null,
  sin_principal        char(1)      not null,
  sin_dinamica         char(1)      not null,
  sin_cabecalho        char(1)      not null,
  sin_rodape           char(1)      not null,
  sin_html             char(1)      not null,
  sin_ativo            char(1)      not null,
  primary key (id_secao_modelo),
  index fk_secao_modelo_modelo (id_modelo),
  index i01_secao_modelo (id_modelo, ordem),
  constraint fk_secao_modelo_modelo foreign key (id_modelo) references modelo (id_modelo) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into secao_modelo
  (id_secao_modelo, id_modelo, nome, conteudo, ordem, sin_somente_leitura, sin_assinatura, sin_principal, sin_dinamica, sin_cabecalho, sin_rodape, sin_html, sin_ativo)
values
  (1, 1, 'Título', '@serie@', 10, 'S', 'N', 'N', 'S', 'N', 'N', 'N', 'S'),
  (2, 1, 'Texto', '<p>Escreva aqui.</p>', 20, 'N', 'N', 'S', 'N', 'N', 'N', 'S', 'S'),
  (3, 40, 'Procedimento', '<p>Descreva o procedimento.</p>', 10, 'N', 'N', 'S', 'N', 'N', 'N', 'S', 'S');

drop table if exists conjunto_estilos;
create table conjunto_estilos (
  id_conjunto_estilos  int(11)  not null,
  sin_ultimo           char(1)  not null,
  primary key (id_conjunto_estilos)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into conjunto_estilos
  (id_conjunto_estilos, sin_ultimo)
values
  (1, 'S');

drop table if exists estilo;
create table estilo (
  id_estilo   int(11)      not null,
  nome        varchar(50)  not null,
  formatacao  longtext     not null,
  primary key (id_estilo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into estilo
  (id_estilo, nome, formatacao)
values
  (1, 'Texto_Corrido', '''font-size'':''12pt'',''font-family'':''Calibri'',''text-align'':''justify''');

drop table if exists conjunto_estilos_item;
create table conjunto_estilos_item (
  id_conjunto_estilos_item  int(11)      not null,
  id_conjunto_estilos       int(11)      not null,
  nome                      varchar(50)  not null,
  formatacao                longtext     not null,
  primary key (id_conjunto_estilos_item),
  index fk_conj_est_item_conj_est (id_conjunto_estilos),
  constraint fk_conj_est_item_conj_est foreign key (id_conjunto_estilos) references conjunto_estilos (id_conjunto_estilos) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into conjunto_estilos_item
  (id_conjunto_estilos_item, id_conjunto_estilos, nome, formatacao)
values
  (1, 1, 'Texto_Corrido', '''font-size'':''12pt'',''font-family'':''Calibri'',''text-align'':''justify''');

drop table if exists rel_secao_modelo_estilo;
create table rel_secao_modelo_estilo (
  id_secao_modelo  int(11)  not null,
  id_estilo        int(11)  not null,
  sin_padrao       char(1)  not null,
  primary key (id_secao_modelo, id_estilo),
  index fk_rel_sec_mod_estilo_estilo (id_estilo),
  index fk_rel_sec_mod_estilo_sec_mod (id_secao_modelo),
  constraint fk_rel_sec_mod_estilo_estilo foreign key (id_estilo) references estilo (id_estilo),
  constraint fk_rel_sec_mod_estilo_sec_mod foreign key (id_secao_modelo) references secao_modelo (id_secao_modelo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_secao_modelo_estilo
  (id_secao_modelo, id_estilo, sin_padrao)
values
  (2, 1, 'S'),
  (3, 1, 'S');

drop table if exists rel_secao_mod_cj_estilos_item;
create table rel_secao_mod_cj_estilos_item (
  id_secao_modelo           int(11)  not null,
  id_conjunto_estilos_item  int(11)  not null,
  sin_padrao                char(1)  not null,
  primary key (id_secao_modelo, id_conjunto_estilos_item),
  index fk_re_secmod_cj_est_i_cj_est_i (id_conjunto_estilos_item),
  index fk_rel_secmod_cj_est_it_secmod (id_secao_modelo),
  constraint fk_re_secmod_cj_est_i_cj_est_i foreign key (id_conjunto_estilos_item) references conjunto_estilos_item (id_conjunto_estilos_item),
  constraint fk_rel_secmod_cj_est_it_secmod foreign key (id_secao_modelo) references secao_modelo (id_secao_modelo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_secao_mod_cj_estilos_item
  (id_secao_modelo, id_conjunto_estilos_item, sin_padrao)
values
  (2, 1, 'S'),
  (3, 1, 'S');

drop table if exists texto_padrao_interno;
create table texto_padrao_interno (
  id_texto_padrao_interno  int(11)       not null,
  id_unidade               int(11)       not null,
  nome                     varchar(50)   not null,
  descricao                varchar(300)  null,
  conteudo                 longtext      not null,
  id_conjunto_estilos      int(11)       null,
  primary key (id_texto_padrao_interno),
  index fk_texto_padrao_int_conj (id_conjunto_estilos),
  index fk_texto_padrao_int_unid (id_unidade),
  constraint fk_texto_padrao_int_conj foreign key (id_conjunto_estilos) references conjunto_estilos (id_conjunto_estilos),
  constraint fk_texto_padrao_int_unid foreign key (id_unidade) references unidade (id_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists grupo_serie;
create table grupo_serie (
  id_grupo_serie  int(11)       not null,
  nome            varchar(50)   not null,
  sin_ativo       char(1)       not null,
  descricao       varchar(250)  not null,
  primary key (id_grupo_serie)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into grupo_serie
  (id_grupo_serie, nome, descricao, sin_ativo)
values
  (1, 'Escritos no sistema', 'Documentos redigidos no editor.', 'S'),
  (2, 'Recebidos em arquivo', 'Documentos incluídos a partir de um arquivo.', 'S');

drop table if exists tipo_formulario;
create table tipo_formulario (
  id_tipo_formulario  int(11)       not null,
  nome                varchar(50)   not null,
  descricao           varchar(250)  null,
  sin_ativo           char(1)       not null,
  primary key (id_tipo_formulario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists serie;
create table serie (
  nome                       varchar(100)  not null,
  descricao                  varchar(250)  null,
  sin_ativo                  char(1)       not null,
  id_modelo_edoc             int(11)       null,
  id_grupo_serie             int(11)       null,
  id_serie                   int(11)       not null,
  sin_interessado            char(1)       not null,
  sin_destinatario           char(1)       not null,
  sta_numeracao              char(1)       not null,
  sin_assinatura_publicacao  char(1)       not null,
  id_modelo                  int(11)       null,
  sta_aplicabilidade         char(1)       not null,
  sin_interno                char(1)       not null,
  id_tipo_formulario         int(11)       null,
  sin_usuario_externo        char(1)       not null,
  sin_valor_monetario        char(1)       not null,
  primary key (id_serie),
  unique ak1_serie (nome, sin_ativo),
  index fk_serie_grupo_serie (id_grupo_serie),
  index fk_serie_modelo (id_modelo),
  index fk_serie_tipo_formulario (id_tipo_formulario),
  index i01_serie (sin_ativo, sta_aplicabilidade, sin_interno),
  constraint fk_serie_grupo_serie foreign key (id_grupo_serie) references grupo_serie (id_grupo_serie) on update no action on delete no action,
  constraint fk_serie_modelo foreign key (id_modelo) references modelo (id_modelo) on update no action on delete no action,
  constraint fk_serie_tipo_formulario foreign key (id_tipo_formulario) references tipo_formulario (id_tipo_formulario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into serie
  (id_serie, nome, descricao, id_grupo_serie, id_modelo, sta_numeracao, sta_aplicabilidade, sin_interessado, sin_destinatario, sin_assinatura_publicacao, sin_interno, sin_usuario_externo, sin_ativo, sin_valor_monetario)
values
  (1, 'Ofício', 'Comunicação oficial a destinatário de fora.', 1, 1, '4', 'T', 'S', 'S', 'N', 'N', 'N', 'S', 'N'),
  (2, 'Memorando', 'Comunicação entre unidades da prefeitura.', 1, 1, '3', 'I', 'N', 'S', 'N', 'N', 'N', 'S', 'N'),
  (3, 'Despacho', 'Encaminha o processo ou decide questão simples.', 1, 1, 'S', 'T', 'S', 'N', 'N', 'N', 'N', 'S', 'N'),
  (4, 'Parecer', 'Opinião técnica ou jurídica fundamentada.', 1, 1, '4', 'T', 'S', 'N', 'N', 'N', 'N', 'S', 'N'),
  (5, 'Portaria', 'Ato de autoridade sobre pessoal e serviços.', 1, 1, '4', 'T', 'N', 'N', 'N', 'N', 'N', 'S', 'N'),
  (6, 'Decreto', 'Ato do prefeito que regulamenta a lei.', 1, 1, '2', 'T', 'N', 'N', 'N', 'N', 'N', 'S', 'N'),
  (7, 'Edital', 'Torna pública uma convocação ou seleção.', 1, 1, '4', 'T', 'N', 'N', 'N', 'N', 'N', 'S', 'N'),
  (8, 'Contrato', 'Acordo com fornecedor ou parceiro.', 1, 1, '4', 'T', 'S', 'N', 'N', 'N', 'N', 'S', 'S'),
  (9, 'Ata', 'Registro do que se tratou em reunião.', 1, 1, 'S', 'T', 'S', 'N', 'N', 'N', 'N', 'S', 'N'),
  (10, 'Relatório', 'Exposição de atividades e resultados.', 1, 1, 'S', 'T', 'S', 'N', 'N', 'N', 'N', 'S', 'N'),
  (11, 'Certidão', 'Declara o que consta nos registros.', 1, 1, '4', 'T', 'S', 'N', 'N', 'N', 'N', 'S', 'N'),
  (12, 'Requerimento', 'Pedido de cidadão ou servidor.', 2, 1, 'S', 'T', 'S', 'N', 'N', 'N', 'S', 'S', 'N'),
  (13, 'Nota Fiscal', 'Comprova fornecimento ou serviço.', 2, null, 'I', 'E', 'S', 'N', 'N', 'N', 'N', 'S', 'S'),
  (14, 'Planta', 'Desenho técnico de obra ou terreno.', 2, null, 'S', 'E', 'S', 'N', 'N', 'N', 'N', 'S', 'N'),
  (15, 'Comprovante', 'Prova de pagamento, residência ou situação.', 2, null, 'S', 'E', 'S', 'N', 'N', 'N', 'S', 'S', 'N'),
  (30, 'E-mail', 'Mensagem enviada a partir do processo.', 2, 1, 'S', 'T', 'S', 'N', 'N', 'S', 'N', 'S', 'N'),
  (86, 'Manifestação de Ouvidoria', 'Pedido ou queixa recebido pela ouvidoria.', 2, 1, 'S', 'T', 'S', 'N', 'N', 'S', 'N', 'S', 'N');

drop table if exists serie_restricao;
create table serie_restricao (
  id_serie_restricao  int(11)  not null,
  id_serie            int(11)  not null,
  id_orgao            int(11)  not null,
  id_unidade          int(11)  null,
  primary key (id_serie_restricao),
  index fk_serie_restricao_orgao (id_orgao),
  index fk_serie_restricao_serie (id_serie),
  index fk_serie_restricao_unidade (id_unidade),
  constraint fk_serie_restricao_orgao foreign key (id_orgao) references orgao (id_orgao),
  constraint fk_serie_restricao_serie foreign key (id_serie) references serie (id_serie),
  constraint fk_serie_restricao_unidade foreign key (id_unidade) references unidade (id_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Process types
-- ----------------------------------------------------------------------------------------------------

drop table if exists hipotese_legal;
create table hipotese_legal (
  id_hipotese_legal  int(11)       not null,
  nome               varchar(50)   not null,
  base_legal         varchar(50)   not null,
  descricao          varchar(500)  null,
  sta_nivel_acesso   char(1)       not null,
  sin_ativo          char(1)       not null,
  primary key (id_hipotese_legal)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into hipotese_legal
  (id_hipotese_legal, nome, base_legal, descricao, sta_nivel_acesso, sin_ativo)
values
  (1, 'Dado pessoal', 'Lei nº 12.527/2011, art. 31', 'Protege intimidade, vida privada, honra e imagem.', '1', 'S'),
  (2, 'Decisão em preparo', 'Lei nº 12.527/2011, art. 7º, § 3º', 'Acesso aberto depois da decisão.', '1', 'S'),
  (3, 'Sigilo fiscal', 'Lei nº 5.172/1966, art. 198', 'Situação econômica de contribuinte.', '1', 'S'),
  (4, 'Apuração disciplinar', 'Estatuto municipal dos servidores', 'Preserva a apuração enquanto dura.', '2', 'S');

drop table if exists plano_trabalho;
create table plano_trabalho (
  id_plano_trabalho  int(11)        not null,
  nome               varchar(100)   not null,
  descricao          varchar(4000)  null,
  sin_ativo          char(1)        not null,
  primary key (id_plano_trabalho)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists tipo_prioridade;
create table tipo_prioridade (
  id_tipo_prioridade  int(11)       not null,
  nome                varchar(100)  not null,
  descricao           varchar(500)  null,
  sin_ativo           char(1)       not null,
  primary key (id_tipo_prioridade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tipo_prioridade
  (id_tipo_prioridade, nome, descricao, sin_ativo)
values
  (1, 'Pessoa idosa', 'Estatuto da Pessoa Idosa', 'S'),
  (2, 'Pessoa com deficiência', 'Lei Brasileira de Inclusão', 'S'),
  (3, 'Doença grave', 'Lei do processo administrativo', 'S');

drop table if exists tipo_procedimento;
create table tipo_procedimento (
  id_tipo_procedimento        int(11)       not null,
  nome                        varchar(100)  not null,
  descricao                   varchar(250)  null,
  sin_ativo                   char(1)       not null,
  sta_nivel_acesso_sugestao   char(1)       not null,
  sin_interno                 char(1)       not null,
  sin_ouvidoria               char(1)       not null,
  sin_individual              char(1)       not null,
  id_hipotese_legal_sugestao  int(11)       null,
  sta_grau_sigilo_sugestao    char(1)       null,
  id_plano_trabalho           int(11)       null,
  primary key (id_tipo_procedimento),
  index fk_tipo_proced_hipotese_legal (id_hipotese_legal_sugestao),
  index fk_tipo_proced_plano_trabalho (id_plano_trabalho),
  index i01_tipo_procedimento (id_tipo_procedimento, sin_ativo),
  index i02_tipo_procedimento (sin_ouvidoria, sin_interno, sin_ativo),
  constraint fk_tipo_proced_hipotese_legal foreign key (id_hipotese_legal_sugestao) references hipotese_legal (id_hipotese_legal),
  constraint fk_tipo_proced_plano_trabalho foreign key (id_plano_trabalho) references plano_trabalho (id_plano_trabalho)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tipo_procedimento
  (id_tipo_procedimento, nome, sin_ativo, sta_nivel_acesso_sugestao, sin_interno, sin_ouvidoria, sin_individual, id_hipotese_legal_sugestao)
values
  (1, 'Pessoal: férias', 'S', '1', 'N', 'N', 'N', 1),
  (2, 'Pessoal: licença', 'S', '1', 'N', 'N', 'N', 1),
  (3, 'Pessoal: admissão', 'S', '1', 'N', 'N', 'N', 1),
  (4, 'Compras: aquisição de bens', 'S', '0', 'N', 'N', 'N', null),
  (5, 'Compras: contratação de serviços', 'S', '0', 'N', 'N', 'N', null),
  (6, 'Obras: licença para construir', 'S', '0', 'N', 'N', 'N', null),
  (7, 'Tributos: revisão de IPTU', 'S', '1', 'N', 'N', 'N', 3),
  (8, 'Tributos: alvará de funcionamento', 'S', '0', 'N', 'N', 'N', null),
  (9, 'Educação: matrícula', 'S', '1', 'N', 'N', 'N', 1),
  (10, 'Saúde: fornecimento de medicamento', 'S', '1', 'N', 'N', 'N', 1),
  (11, 'Meio ambiente: poda de árvore', 'S', '0', 'N', 'N', 'N', null),
  (12, 'Gabinete: correspondência oficial', 'S', '0', 'N', 'N', 'N', null),
  (13, 'Ouvidoria: manifestação do cidadão', 'S', '1', 'N', 'S', 'N', 1),
  (14, 'Federação: processo recebido de outro órgão', 'S', '0', 'S', 'N', 'N', null),
  (15, 'Pessoal: processo disciplinar', 'S', '1', 'N', 'N', 'N', 1);

drop table if exists nivel_acesso_permitido;
create table nivel_acesso_permitido (
  id_nivel_acesso_permitido  int(11)  not null,
  id_tipo_procedimento       int(11)  not null,
  sta_nivel_acesso           char(1)  not null,
  primary key (id_nivel_acesso_permitido),
  index fk_nivel_acesso_perm_tipo_proc (id_tipo_procedimento),
  constraint fk_nivel_acesso_perm_tipo_proc foreign key (id_tipo_procedimento) references tipo_procedimento (id_tipo_procedimento) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into nivel_acesso_permitido
  (id_nivel_acesso_permitido, id_tipo_procedimento, sta_nivel_acesso)
values
  (1, 1, '0'), (2, 1, '1'), (3, 2, '0'), (4, 2, '1'), (5, 3, '0'), (6, 3, '1'), (7, 4, '0'), (8, 4, '1'),
  (9, 5, '0'), (10, 5, '1'), (11, 6, '0'), (12, 6, '1'), (13, 7, '0'), (14, 7, '1'), (15, 8, '0'), (16, 8, '1'),
  (17, 9, '0'), (18, 9, '1'), (19, 10, '0'), (20, 10, '1'), (21, 11, '0'), (22, 11, '1'), (23, 12, '0'),
  (24, 12, '1'), (25, 13, '0'), (26, 13, '1'), (27, 14, '0'), (28, 14, '1'), (29, 15, '0'), (30, 15, '1');

drop table if exists tipo_proced_restricao;
create table tipo_proced_restricao (
  id_tipo_proced_restricao  int(11)  not null,
  id_tipo_procedimento      int(11)  not null,
  id_orgao                  int(11)  not null,
  id_unidade                int(11)  null,
  primary key (id_tipo_proced_restricao),
  index fk_tipo_proced_restr_orgao (id_orgao),
  index fk_tipo_proced_restr_tipo_proc (id_tipo_procedimento),
  index fk_tipo_proced_restr_unidade (id_unidade),
  constraint fk_tipo_proced_restr_orgao foreign key (id_orgao) references orgao (id_orgao),
  constraint fk_tipo_proced_restr_tipo_proc foreign key (id_tipo_procedimento) references tipo_procedimento (id_tipo_procedimento),
  constraint fk_tipo_proced_restr_unidade foreign key (id_unidade) references unidade (id_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Classification plan: processes point to the proxy, never to the subject
-- ----------------------------------------------------------------------------------------------------

drop table if exists tabela_assuntos;
create table tabela_assuntos (
  id_tabela_assuntos  int(11)       not null,
  nome                varchar(50)   not null,
  descricao           varchar(250)  null,
  sin_atual           char(1)       not null,
  primary key (id_tabela_assuntos)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tabela_assuntos
  (id_tabela_assuntos, nome, descricao, sin_atual)
values
  (1, 'Plano municipal reduzido', 'Plano de exemplo; troque pelo plano do município.', 'S');

drop table if exists assunto;
create table assunto (
  id_assunto           int(11)        not null,
  codigo_estruturado   varchar(50)    not null,
  descricao            varchar(250)   not null,
  observacao           varchar(500)   null,
  idx_assunto          varchar(1000)  null,
  sin_ativo            char(1)        not null,
  prazo_intermediario  int(11)        null,
  prazo_corrente       int(11)        null,
  sta_destinacao       char(1)        null,
  sin_estrutural       char(1)        null,
  id_tabela_assuntos   int(11)        not null,
  primary key (id_assunto),
  index fk_assunto_tabela_assuntos (id_tabela_assuntos),
  index i01_assunto (id_tabela_assuntos, codigo_estruturado, sin_estrutural, sin_ativo),
  constraint fk_assunto_tabela_assuntos foreign key (id_tabela_assuntos) references tabela_assuntos (id_tabela_assuntos)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into assunto
  (id_assunto, codigo_estruturado, descricao, idx_assunto, sin_ativo, prazo_corrente, prazo_intermediario, sta_destinacao, sin_estrutural, id_tabela_assuntos)
values
  (1, '901', 'GESTÃO DE PESSOAS', '901 901 gestao de pessoas', 'S', null, null, null, 'S', 1),
  (2, '901.1', 'Férias, licenças e afastamentos', '901.1 9011 ferias, licencas e afastamentos', 'S', 5, 47, 'E', 'N', 1),
  (3, '901.2', 'Admissão e desligamento', '901.2 9012 admissao e desligamento', 'S', 5, 95, 'G', 'N', 1),
  (4, '901.3', 'Apuração disciplinar', '901.3 9013 apuracao disciplinar', 'S', 5, 95, 'G', 'N', 1),
  (5, '902', 'COMPRAS E CONTRATOS', '902 902 compras e contratos', 'S', null, null, null, 'S', 1),
  (6, '902.1', 'Aquisição de bens', '902.1 9021 aquisicao de bens', 'S', 5, 5, 'E', 'N', 1),
  (7, '902.2', 'Contratação de serviços', '902.2 9022 contratacao de servicos', 'S', 5, 5, 'E', 'N', 1),
  (8, '903', 'TRIBUTOS E LICENÇAS', '903 903 tributos e licencas', 'S', null, null, null, 'S', 1),
  (9, '903.1', 'Impostos e taxas municipais', '903.1 9031 impostos e taxas municipais', 'S', 5, 5, 'E', 'N', 1),
  (10, '903.2', 'Licenças e alvarás', '903.2 9032 licencas e alvaras', 'S', 5, 5, 'E', 'N', 1),
  (11, '904', 'SERVIÇOS AO CIDADÃO', '904 904 servicos ao cidadao', 'S', null, null, null, 'S', 1),
  (12, '904.1', 'Educação', '904.1 9041 educacao', 'S', 5, 20, 'E', 'N', 1),
  (13, '904.2', 'Saúde', '904.2 9042 saude', 'S', 5, 20, 'E', 'N', 1),
  (14, '904.3', 'Meio ambiente', '904.3 9043 meio ambiente', 'S', 5, 5, 'G', 'N', 1),
  (15, '904.4', 'Ouvidoria', '904.4 9044 ouvidoria', 'S', 2, 3, 'E', 'N', 1),
  (16, '905', 'GABINETE', '905 905 gabinete', 'S', null, null, null, 'S', 1),
  (17, '905.1', 'Correspondência oficial', '905.1 9051 correspondencia oficial', 'S', 2, 5, 'E', 'N', 1),
  (18, '905.2', 'Atos do prefeito', '905.2 9052 atos do prefeito', 'S', 5, null, 'G', 'N', 1),
  -- the codes that the document model names: the same as in the official table, described by us
  (19, '010.01', 'Normas e atos da administração', '010.01 01001 normas e atos da administracao', 'S', 5, 5, 'G', 'N', 1),
  (20, '017.2', 'Gestão ambiental', '017.2 0172 gestao ambiental', 'S', 5, 5, 'G', 'N', 1),
  (21, '052.211', 'Receita de tributos', '052.211 052211 receita de tributos', 'S', 5, 5, 'E', 'N', 1),
  (22, '991', 'Atividades-fim sem código próprio', '991 991 atividades-fim sem codigo proprio', 'S', 2, 5, 'E', 'N', 1),
  (23, '010', 'ORGANIZAÇÃO E FUNCIONAMENTO', '010 010 organizacao e funcionamento', 'S', null, null, null, 'S', 1),
  (24, '017', 'GESTÃO DO AMBIENTE', '017 017 gestao do ambiente', 'S', null, null, null, 'S', 1),
  (25, '052', 'RECEITA E DESPESA', '052 052 receita e despesa', 'S', null, null, null, 'S', 1),
  (26, '000', 'ADMINISTRAÇÃO GERAL', '000 000 administracao geral', 'S', null, null, null, 'S', 1),
  (27, '900', 'ATIVIDADES DA PREFEITURA', '900 900 atividades da prefeitura', 'S', null, null, null, 'S', 1);

drop table if exists assunto_proxy;
create table assunto_proxy (
  id_assunto_proxy  int(11)  not null,
  id_assunto        int(11)  not null,
  primary key (id_assunto_proxy),
  index fk_assunto_proxy_assunto (id_assunto),
  constraint fk_assunto_proxy_assunto foreign key (id_assunto) references assunto (id_assunto)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into assunto_proxy
  (id_assunto_proxy, id_assunto)
values
  (2, 2), (3, 3), (4, 4), (6, 6), (7, 7), (9, 9), (10, 10), (12, 12), (13, 13), (14, 14), (15, 15), (17, 17),
  (18, 18), (19, 19), (20, 20), (21, 21), (22, 22);

drop table if exists rel_tipo_procedimento_assunto;
create table rel_tipo_procedimento_assunto (
  id_tipo_procedimento  int(11)  not null,
  sequencia             int(11)  not null,
  id_assunto_proxy      int(11)  not null,
  primary key (id_tipo_procedimento, id_assunto_proxy),
  index fk_rel_tipo_proc_assu_assunto (id_assunto_proxy),
  index fk_rel_tipo_proc_assu_tip_proc (id_tipo_procedimento),
  constraint fk_rel_tipo_proc_assu_assunto foreign key (id_assunto_proxy) references assunto_proxy (id_assunto_proxy),
  constraint fk_rel_tipo_proc_assu_tip_proc foreign key (id_tipo_procedimento) references tipo_procedimento (id_tipo_procedimento)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_tipo_procedimento_assunto
  (id_tipo_procedimento, sequencia, id_assunto_proxy)
values
  (1, 0, 2),
  (2, 0, 2),
  (3, 0, 3),
  (4, 0, 6),
  (5, 0, 7),
  (6, 0, 10),
  (7, 0, 9),
  (8, 0, 10),
  (9, 0, 12),
  (10, 0, 13),
  (11, 0, 14),
  (12, 0, 17),
  (13, 0, 15),
  (14, 0, 17),
  (15, 0, 4);

drop table if exists mapeamento_assunto;
create table mapeamento_assunto (
  id_assunto_origem   int(11)  not null,
  id_assunto_destino  int(11)  not null,
  primary key (id_assunto_origem, id_assunto_destino),
  index fk_assunto_map_assunto_destino (id_assunto_destino),
  index fk_assunto_map_assunto_origem (id_assunto_origem),
  constraint fk_assunto_map_assunto_destino foreign key (id_assunto_destino) references assunto (id_assunto),
  constraint fk_assunto_map_assunto_origem foreign key (id_assunto_origem) references assunto (id_assunto)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Processes and documents
-- ----------------------------------------------------------------------------------------------------

drop table if exists protocolo;
create table protocolo (
  id_protocolo                  bigint(20)   not null,
  id_unidade_geradora           int(11)      not null,
  id_usuario_gerador            int(11)      not null,
  protocolo_formatado           varchar(50)  not null,
  sta_protocolo                 char(1)      not null,
  id_protocolo_agrupador        bigint(20)   not null,
  dta_geracao                   datetime     not null,
  sta_estado                    char(1)      not null,
  descricao                     longtext     null,
  sta_nivel_acesso_local        char(1)      not null,
  sta_nivel_acesso_global       char(1)      not null,
  protocolo_formatado_pesquisa  varchar(50)  not null,
  codigo_barras                 longtext     null,
  id_hipotese_legal             int(11)      null,
  sta_grau_sigilo               char(1)      null,
  sta_nivel_acesso_original     char(1)      null,
  protocolo_formatado_pesq_inv  varchar(50)  not null,
  dta_inclusao                  datetime     not null,
  id_protocolo_federacao        varchar(26)  null,
  sin_eliminado                 char(1)      not null,
  primary key (id_protocolo),
  unique ak1_protocolo (id_protocolo, sta_protocolo),
  unique ak2_protocolo (protocolo_formatado),
  index fk_protocolo_hipotese_legal (id_hipotese_legal),
  index fk_protocolo_protocolo_fed (id_protocolo_federacao),
  index fk_protocolo_unidade (id_unidade_geradora),
  index fk_protocolo_usuario (id_usuario_gerador),
  index i02_protocolo (id_unidade_geradora, sta_protocolo, dta_geracao, id_protocolo),
  index i03_protocolo (sta_nivel_acesso_global, id_protocolo, id_unidade_geradora, sta_protocolo, sta_estado),
  index i06_protocolo (sta_protocolo, dta_geracao, id_protocolo),
  index i07_protocolo (dta_inclusao, sta_protocolo, id_unidade_geradora),
  index i10_protocolo (protocolo_formatado_pesquisa, sta_nivel_acesso_global, id_protocolo),
  index i11_protocolo (sta_protocolo, sta_nivel_acesso_global, id_protocolo),
  index i12_protocolo (sta_estado, sta_protocolo, sta_nivel_acesso_global, id_protocolo),
  index i13_protocolo (id_protocolo, sta_protocolo, id_usuario_gerador, id_unidade_geradora, dta_geracao),
  index i14_protocolo (id_protocolo, id_hipotese_legal, id_unidade_geradora),
  index i15_protocolo (protocolo_formatado_pesquisa),
  index i16_protocolo (protocolo_formatado_pesq_inv),
  index i17_protocolo (sin_eliminado),
  index ie1_protocolo (id_protocolo, sta_protocolo, sta_estado, dta_geracao, id_unidade_geradora),
  index if4_protocolo (id_protocolo_agrupador),
  constraint fk_protocolo_hipotese_legal foreign key (id_hipotese_legal) references hipotese_legal (id_hipotese_legal),
  constraint fk_protocolo_unidade foreign key (id_unidade_geradora) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_protocolo_usuario foreign key (id_usuario_gerador) references usuario (id_usuario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists procedimento;
create table procedimento (
  id_procedimento       bigint(20)  not null,
  id_tipo_procedimento  int(11)     not null,
  sta_ouvidoria         char(1)     not null,
  sin_ciencia           char(1)     not null,
  id_plano_trabalho     int(11)     null,
  dta_conclusao         datetime    null,
  dta_eliminacao        datetime    null,
  id_tipo_prioridade    int(11)     null,
  primary key (id_procedimento),
  index fk_procedimento_plano_trabalho (id_plano_trabalho),
  index fk_procedimento_tipo_procedime (id_tipo_procedimento),
  index fk_proced_tipo_prioridade (id_tipo_prioridade),
  index i01_procedimento (dta_conclusao),
  index i02_procedimento (dta_eliminacao),
  constraint fk_procedimento_plano_trabalho foreign key (id_plano_trabalho) references plano_trabalho (id_plano_trabalho),
  constraint fk_procedimento_protocolo foreign key (id_procedimento) references protocolo (id_protocolo) on update no action on delete no action,
  constraint fk_procedimento_tipo_procedime foreign key (id_tipo_procedimento) references tipo_procedimento (id_tipo_procedimento) on update no action on delete no action,
  constraint fk_proced_tipo_prioridade foreign key (id_tipo_prioridade) references tipo_prioridade (id_tipo_prioridade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists documento;
create table documento (
  id_documento            bigint(20)     not null,
  numero                  varchar(50)    null,
  id_unidade_responsavel  int(11)        not null,
  id_documento_edoc       bigint(20)     null,
  id_serie                int(11)        not null,
  id_procedimento         bigint(20)     not null,
  sin_bloqueado           char(1)        not null,
  id_conjunto_estilos     int(11)        null,
  id_tipo_conferencia     int(11)        null,
  id_tipo_formulario      int(11)        null,
  sta_documento           char(1)        not null,
  nome_arvore             varchar(50)    null,
  sin_arquivamento        char(1)        not null,
  sin_versoes             char(1)        not null,
  din_valor               decimal(15,2)  null,
  sta_editor              char(1)        not null,
  primary key (id_documento),
  unique ak_documento (id_documento, id_procedimento),
  index fk_documento_conjunto_estilos (id_conjunto_estilos),
  index fk_documento_procedimento (id_procedimento),
  index fk_documento_serie (id_serie),
  index fk_documento_tipo_conferencia (id_tipo_conferencia),
  index fk_documento_tipo_formulario (id_tipo_formulario),
  index fk_documento_unidade_responsav (id_unidade_responsavel),
  index i02_documento (id_documento, id_documento_edoc),
  index i03_documento (id_documento, id_serie, id_tipo_formulario, sta_documento),
  index i04_documento (numero, id_serie),
  index i06_documento (id_documento, sin_arquivamento),
  index i07_documento (id_documento, sin_versoes),
  index if5_documento (id_serie, id_documento, id_procedimento),
  constraint fk_documento_conjunto_estilos foreign key (id_conjunto_estilos) references conjunto_estilos (id_conjunto_estilos) on update no action on delete no action,
  constraint fk_documento_procedimento foreign key (id_procedimento) references procedimento (id_procedimento) on update no action on delete no action,
  constraint fk_documento_protocolo foreign key (id_documento) references protocolo (id_protocolo) on update no action on delete no action,
  constraint fk_documento_serie foreign key (id_serie) references serie (id_serie) on update no action on delete no action,
  constraint fk_documento_tipo_conferencia foreign key (id_tipo_conferencia) references tipo_conferencia (id_tipo_conferencia),
  constraint fk_documento_tipo_formulario foreign key (id_tipo_formulario) references tipo_formulario (id_tipo_formulario),
  constraint fk_documento_unidade_responsav foreign key (id_unidade_responsavel) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists documento_conteudo;
create table documento_conteudo (
  id_documento         bigint(20)  not null,
  conteudo             longtext    null,
  conteudo_assinatura  longtext    null,
  crc_assinatura       char(8)     null,
  qr_code_assinatura   longtext    null,
  primary key (id_documento),
  constraint fk_doc_conteudo_documento foreign key (id_documento) references documento (id_documento)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists secao_documento;
create table secao_documento (
  id_secao_documento    int(11)     not null,
  id_secao_modelo       int(11)     not null,
  id_documento          bigint(20)  null,
  id_base_conhecimento  int(11)     null,
  ordem                 int(11)     not null,
  sin_somente_leitura   char(1)     not null,
  sin_assinatura        char(1)     not null,
  sin_principal         char(1)     not null,
  sin_dinamica          char(1)     not null,
  sin_cabecalho         char(1)     not null,
  sin_rodape            char(1)     not null,
  conteudo              longtext    null,
  sin_html              char(1)     not null,
  primary key (id_secao_documento),
  index fk_secao_documento_documento (id_documento),
  index fk_secao_doc_base_conhecimento (id_base_conhecimento),
  index fk_secao_doc_secao_mod (id_secao_modelo),
  index i01_secao_documento (id_documento, id_base_conhecimento, sin_cabecalho, sin_rodape),
  constraint fk_secao_documento_documento foreign key (id_documento) references documento (id_documento) on update no action on delete no action,
  constraint fk_secao_doc_secao_mod foreign key (id_secao_modelo) references secao_modelo (id_secao_modelo) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists versao_secao_documento;
create table versao_secao_documento (
  id_versao_secao_documento  bigint(20)  not null,
  id_secao_documento         int(11)     not null,
  id_usuario                 int(11)     not null,
  id_unidade                 int(11)     not null,
  conteudo                   longtext    null,
  dth_atualizacao            datetime    not null,
  versao                     int(11)     null,
  sin_ultima                 char(1)     not null,
  primary key (id_versao_secao_documento),
  index fk_versao_secao_doc_unidade (id_unidade),
  index fk_versao_secao_doc_usuario (id_usuario),
  index fk_versao_sec_doc_sec_doc (id_secao_documento),
  index i01_versao_secao_documento (id_secao_documento, versao),
  constraint fk_versao_secao_doc_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_versao_secao_doc_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action,
  constraint fk_versao_sec_doc_sec_doc foreign key (id_secao_documento) references secao_documento (id_secao_documento) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists anexo;
create table anexo (
  id_anexo              int(11)       not null,
  nome                  varchar(255)  not null,
  id_protocolo          bigint(20)    null,
  sin_ativo             char(1)       not null,
  id_unidade            int(11)       not null,
  id_usuario            int(11)       not null,
  tamanho               int(11)       not null,
  dth_inclusao          datetime      not null,
  id_base_conhecimento  int(11)       null,
  id_projeto            int(11)       null,
  hash                  char(32)      not null,
  primary key (id_anexo),
  unique ak1_anexo (id_anexo, sin_ativo),
  index fk_anexo_base_conhecimento (id_base_conhecimento),
  index fk_anexo_protocolo (id_protocolo),
  index fk_anexo_unidade (id_unidade),
  index fk_anexo_usuario (id_usuario),
  index i01_anexo (id_protocolo, sin_ativo),
  index i02_anexo (dth_inclusao, id_anexo),
  constraint fk_anexo_protocolo foreign key (id_protocolo) references protocolo (id_protocolo) on update no action on delete no action,
  constraint fk_anexo_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_anexo_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists numeracao;
create table numeracao (
  id_numeracao  int(11)  not null,
  sequencial    int(11)  not null,
  ano           int(11)  null,
  id_serie      int(11)  not null,
  id_orgao      int(11)  null,
  id_unidade    int(11)  null,
  primary key (id_numeracao),
  unique ak_numeracao (ano, id_serie, id_orgao, id_unidade),
  index fk_numeracao_orgao (id_orgao),
  index fk_numeracao_serie (id_serie),
  index fk_numeracao_unidade (id_unidade),
  constraint fk_numeracao_orgao foreign key (id_orgao) references orgao (id_orgao) on update no action on delete no action,
  constraint fk_numeracao_serie foreign key (id_serie) references serie (id_serie) on update no action on delete no action,
  constraint fk_numeracao_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists participante;
create table participante (
  id_participante   int(11)     not null,
  id_protocolo      bigint(20)  not null,
  id_contato        int(11)     not null,
  id_unidade        int(11)     not null,
  sta_participacao  char(1)     not null,
  sequencia         int(11)     not null,
  primary key (id_participante),
  unique ak1_participante (id_contato, id_protocolo, sta_participacao),
  index fk_participante_contato (id_contato),
  index fk_participante_protocolo (id_protocolo),
  index fk_participante_unidade (id_unidade),
  index i01_participante (id_protocolo, sta_participacao),
  constraint fk_participante_contato foreign key (id_contato) references contato (id_contato) on update no action on delete no action,
  constraint fk_participante_protocolo foreign key (id_protocolo) references protocolo (id_protocolo) on update no action on delete no action,
  constraint fk_participante_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists observacao;
create table observacao (
  id_observacao   int(11)     not null,
  id_protocolo    bigint(20)  not null,
  id_unidade      int(11)     not null,
  descricao       longtext    not null,
  idx_observacao  longtext    null,
  primary key (id_observacao),
  unique ak1_observacao (id_unidade, id_protocolo),
  index fk_observacao_protocolo (id_protocolo),
  index fk_observacao_unidade (id_unidade),
  constraint fk_observacao_protocolo foreign key (id_protocolo) references protocolo (id_protocolo) on update no action on delete no action,
  constraint fk_observacao_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists acesso;
create table acesso (
  id_acesso            int(11)     not null,
  id_usuario           int(11)     null,
  id_unidade           int(11)     not null,
  id_protocolo         bigint(20)  not null,
  sta_tipo             char(1)     not null,
  id_controle_interno  int(11)     null,
  primary key (id_acesso),
  index fk_acesso_controle_interno (id_controle_interno),
  index fk_acesso_protocolo (id_protocolo),
  index fk_acesso_unidade (id_unidade),
  index fk_acesso_usuario (id_usuario),
  index i01_acesso (id_unidade, id_usuario, id_protocolo, sta_tipo),
  index i02_acesso (id_protocolo, sta_tipo),
  index i03_acesso (id_protocolo, id_unidade, id_usuario),
  constraint fk_acesso_protocolo foreign key (id_protocolo) references protocolo (id_protocolo),
  constraint fk_acesso_unidade foreign key (id_unidade) references unidade (id_unidade),
  constraint fk_acesso_usuario foreign key (id_usuario) references usuario (id_usuario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists rel_protocolo_assunto;
create table rel_protocolo_assunto (
  id_protocolo               bigint(20)  not null,
  id_unidade                 int(11)     not null,
  sequencia                  int(11)     not null,
  id_assunto_proxy           int(11)     not null,
  id_protocolo_procedimento  bigint(20)  null,
  primary key (id_protocolo, id_assunto_proxy),
  index fk_rel_protocolo_assunto_uni (id_unidade),
  index fk_rel_prot_assunto_assunto (id_assunto_proxy),
  index fk_rel_prot_assunto_protocolo (id_protocolo),
  constraint fk_rel_protocolo_assunto_uni foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_rel_prot_assunto_assunto foreign key (id_assunto_proxy) references assunto_proxy (id_assunto_proxy),
  constraint fk_rel_prot_assunto_protocolo foreign key (id_protocolo) references protocolo (id_protocolo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists rel_protocolo_protocolo;
create table rel_protocolo_protocolo (
  id_protocolo_1              bigint(20)  not null,
  id_protocolo_2              bigint(20)  not null,
  id_usuario                  int(11)     not null,
  id_unidade                  int(11)     not null,
  sta_associacao              char(1)     not null,
  dth_associacao              datetime    not null,
  sequencia                   int(11)     not null,
  sin_ciencia                 char(1)     not null,
  id_rel_protocolo_protocolo  bigint(20)  not null,
  primary key (id_rel_protocolo_protocolo),
  index fk_protocolo_protocolo_1 (id_protocolo_1),
  index fk_protocolo_protocolo_2 (id_protocolo_2),
  index fk_rel_proc_doc_usuario (id_usuario),
  index fk_rel_protocolo_protocolo_uni (id_unidade),
  index i01_rel_protocolo_protocolo (id_protocolo_2, id_protocolo_1, sta_associacao),
  constraint fk_protocolo_protocolo_1 foreign key (id_protocolo_1) references protocolo (id_protocolo),
  constraint fk_protocolo_protocolo_2 foreign key (id_protocolo_2) references protocolo (id_protocolo),
  constraint fk_rel_proc_doc_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action,
  constraint fk_rel_protocolo_protocolo_uni foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists assinatura;
create table assinatura (
  id_assinatura             int(11)       not null,
  id_documento              bigint(20)    not null,
  id_usuario                int(11)       not null,
  id_unidade                int(11)       not null,
  nome                      varchar(500)  not null,
  tratamento                varchar(200)  not null,
  cpf                       bigint(20)    null,
  id_atividade              int(11)       null,
  sta_forma_autenticacao    char(1)       not null,
  sin_ativo                 char(1)       not null,
  numero_serie_certificado  varchar(64)   null,
  p7s_base64                longtext      null,
  id_tarja_assinatura       int(11)       not null,
  agrupador                 varchar(36)   null,
  primary key (id_assinatura),
  unique ak1_assinatura (id_documento, id_usuario),
  index fk_assinatura_atividade (id_atividade),
  index fk_assinatura_documento (id_documento),
  index fk_assinatura_tarja_assinatura (id_tarja_assinatura),
  index fk_assinatura_unidade (id_unidade),
  index fk_assinatura_usuario_autentic (id_usuario),
  index i01_assinatura (agrupador),
  index i02_assinatura (id_documento, id_atividade),
  constraint fk_assinatura_atividade foreign key (id_atividade) references atividade (id_atividade) on update no action on delete no action,
  constraint fk_assinatura_documento foreign key (id_documento) references documento (id_documento) on update no action on delete no action,
  constraint fk_assinatura_tarja_assinatura foreign key (id_tarja_assinatura) references tarja_assinatura (id_tarja_assinatura),
  constraint fk_assinatura_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_assinatura_usuario_autentic foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- History of processes
-- ----------------------------------------------------------------------------------------------------

drop table if exists tarefa;
create table tarefa (
  id_tarefa                      int(11)       not null,
  nome                           varchar(250)  not null,
  sin_historico_resumido         char(1)       not null,
  sin_historico_completo         char(1)       not null,
  sin_fechar_andamentos_abertos  char(1)       not null,
  sin_lancar_andamento_fechado   char(1)       not null,
  sin_permite_processo_fechado   char(1)       not null,
  id_tarefa_modulo               varchar(50)   null,
  sin_consulta_processual        char(1)       not null,
  primary key (id_tarefa),
  unique i01_tarefa (id_tarefa_modulo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tarefa
  (id_tarefa, nome, sin_historico_resumido, sin_historico_completo, sin_fechar_andamentos_abertos, sin_lancar_andamento_fechado, sin_permite_processo_fechado, sin_consulta_processual)
values
  (1, 'Processo @NIVEL_ACESSO@@GRAU_SIGILO@ aberto@DATA_AUTUACAO@@HIPOTESE_LEGAL@', 'S', 'S', 'S', 'N', 'N', 'S'),
  (2, 'Documento @NIVEL_ACESSO@@GRAU_SIGILO@ @DOCUMENTO@ criado@HIPOTESE_LEGAL@', 'N', 'S', 'S', 'N', 'N', 'N'),
  (5, 'Documento @DOCUMENTO@ recebeu a assinatura de @USUARIO@', 'N', 'S', 'S', 'N', 'S', 'N'),
  (12, 'Mensagem @DOCUMENTO@ enviada por correio eletrônico', 'S', 'S', 'S', 'N', 'N', 'N'),
  (13, 'Documento externo @NIVEL_ACESSO@@GRAU_SIGILO@ @DOCUMENTO@ incluído@HIPOTESE_LEGAL@', 'N', 'S', 'S', 'N', 'N', 'N'),
  (18, 'Processo @PROCESSO@ relacionado a este', 'N', 'S', 'S', 'N', 'N', 'S'),
  (28, 'Unidade concluiu o processo', 'S', 'S', 'S', 'S', 'N', 'S'),
  (29, 'Unidade reabriu o processo', 'S', 'S', 'S', 'N', 'N', 'S'),
  (30, 'Arquivo @ANEXO@ incluído no documento @DOCUMENTO@', 'N', 'N', 'S', 'N', 'N', 'N'),
  (32, 'Processo enviado pela unidade @UNIDADE@', 'S', 'S', 'N', 'N', 'N', 'S'),
  (33, 'Documento @DOCUMENTO@ excluído', 'N', 'S', 'S', 'N', 'N', 'N'),
  (41, 'Processo concluído na unidade sem ação de usuário', 'N', 'N', 'S', 'S', 'N', 'N'),
  (48, 'Unidade recebeu o processo', 'S', 'S', 'S', 'N', 'N', 'N'),
  (57, 'Processo aos cuidados de @USUARIO@', 'N', 'S', 'S', 'N', 'N', 'N'),
  (59, 'Processo sem responsável definido', 'N', 'S', 'S', 'N', 'N', 'N'),
  (65, '@DESCRICAO@', 'S', 'S', 'S', 'N', 'N', 'N');

drop table if exists atividade;
create table atividade (
  id_atividade             int(11)     not null,
  id_protocolo             bigint(20)  not null,
  id_unidade               int(11)     not null,
  dth_abertura             datetime    not null,
  dth_conclusao            datetime    null,
  id_tarefa                int(11)     null,
  id_unidade_origem        int(11)     not null,
  id_usuario_conclusao     int(11)     null,
  sin_inicial              char(1)     not null,
  id_usuario_visualizacao  int(11)     null,
  id_usuario_atribuicao    int(11)     null,
  dta_prazo                datetime    null,
  tipo_visualizacao        int(11)     not null,
  id_usuario               int(11)     null,
  id_usuario_origem        int(11)     not null,
  primary key (id_atividade),
  index fk_atividade_protocolo (id_protocolo),
  index fk_atividade_tarefa (id_tarefa),
  index fk_atividade_unidade (id_unidade),
  index fk_atividade_unidade_origem (id_unidade_origem),
  index fk_atividade_usuario (id_usuario),
  index fk_atividade_usuario_atribuica (id_usuario_atribuicao),
  index fk_atividade_usuario_conclusao (id_usuario_conclusao),
  index fk_atividade_usuario_origem (id_usuario_origem),
  index fk_atividade_usuario_visualiza (id_usuario_visualizacao),
  index i01_atividade (id_atividade, id_protocolo, id_unidade, id_usuario, dth_conclusao, sin_inicial, id_usuario_atribuicao),
  index i02_atividade (id_atividade, id_protocolo, id_unidade, id_usuario, id_tarefa),
  index i03_atividade (id_unidade, dth_conclusao, sin_inicial),
  index i04_atividade (id_unidade, dth_abertura, id_tarefa, id_atividade, id_protocolo, dth_conclusao),
  index i06_atividade (id_unidade, id_protocolo, id_atividade, id_unidade_origem),
  index i07_atividade (id_protocolo, id_unidade_origem, id_tarefa, id_atividade),
  index i09_atividade (id_unidade, id_usuario, id_protocolo),
  index i10_atividade (dth_abertura, id_tarefa),
  index i16_atividade (id_unidade, id_protocolo, dth_conclusao, id_usuario, id_atividade, id_usuario_atribuicao),
  index i17_atividade (id_protocolo, id_tarefa, id_unidade, id_unidade_origem),
  constraint fk_atividade_protocolo foreign key (id_protocolo) references protocolo (id_protocolo) on update no action on delete no action,
  constraint fk_atividade_tarefa foreign key (id_tarefa) references tarefa (id_tarefa),
  constraint fk_atividade_unidade foreign key (id_unidade) references unidade (id_unidade),
  constraint fk_atividade_unidade_origem foreign key (id_unidade_origem) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_atividade_usuario foreign key (id_usuario) references usuario (id_usuario),
  constraint fk_atividade_usuario_atribuica foreign key (id_usuario_atribuicao) references usuario (id_usuario) on update no action on delete no action,
  constraint fk_atividade_usuario_conclusao foreign key (id_usuario_conclusao) references usuario (id_usuario) on update no action on delete no action,
  constraint fk_atividade_usuario_origem foreign key (id_usuario_origem) references usuario (id_usuario) on update no action on delete no action,
  constraint fk_atividade_usuario_visualiza foreign key (id_usuario_visualizacao) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists atributo_andamento;
create table atributo_andamento (
  id_atributo_andamento  int(11)        not null,
  id_atividade           int(11)        not null,
  nome                   varchar(50)    not null,
  valor                  varchar(4000)  null,
  id_origem              varchar(50)    null,
  primary key (id_atributo_andamento),
  index fk_atributo_andamento_atividad (id_atividade),
  index i01_atributo_andamento (id_atividade, nome, id_origem),
  index i02_atributo_andamento (nome, id_origem),
  index i04_atributo_andamento (id_atividade, id_atributo_andamento),
  constraint fk_atributo_andamento_atividad foreign key (id_atividade) references atividade (id_atividade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Access from outside
-- ----------------------------------------------------------------------------------------------------

drop table if exists acesso_externo;
create table acesso_externo (
  id_acesso_externo   int(11)       not null,
  id_atividade        int(11)       not null,
  id_participante     int(11)       not null,
  dta_validade        datetime      null,
  email_unidade       varchar(250)  null,
  hash_interno        varchar(32)   not null,
  sta_tipo            char(1)       not null,
  id_documento        bigint(20)    null,
  sin_processo        char(1)       not null,
  sin_ativo           char(1)       not null,
  email_destinatario  varchar(100)  null,
  sin_inclusao        char(1)       not null,
  dth_visualizacao    datetime      null,
  primary key (id_acesso_externo),
  index fk_acesso_externo_atividade (id_atividade),
  index fk_acesso_externo_documento (id_documento),
  index fk_acesso_externo_participante (id_participante),
  index i04_acesso_externo (sta_tipo, id_documento, id_acesso_externo, id_atividade, id_participante),
  index i05_acesso_externo (sta_tipo, sin_inclusao),
  index i06_acesso_externo (sta_tipo, dta_validade),
  index i07_acesso_externo (id_documento, sta_tipo, dta_validade),
  constraint fk_acesso_externo_atividade foreign key (id_atividade) references atividade (id_atividade) on update no action on delete no action,
  constraint fk_acesso_externo_documento foreign key (id_documento) references documento (id_documento) on update no action on delete no action,
  constraint fk_acesso_externo_participante foreign key (id_participante) references participante (id_participante) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists rel_acesso_ext_protocolo;
create table rel_acesso_ext_protocolo (
  id_acesso_externo  int(11)     not null,
  id_protocolo       bigint(20)  not null,
  primary key (id_acesso_externo, id_protocolo),
  index fk_rel_aces_ext_prot_aces_ext (id_acesso_externo),
  index fk_rel_aces_ext_prot_protocolo (id_protocolo),
  constraint fk_rel_aces_ext_prot_aces_ext foreign key (id_acesso_externo) references acesso_externo (id_acesso_externo),
  constraint fk_rel_aces_ext_prot_protocolo foreign key (id_protocolo) references protocolo (id_protocolo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Web services
-- ----------------------------------------------------------------------------------------------------

drop table if exists servico;
create table servico (
  id_servico        int(11)       not null,
  id_usuario        int(11)       not null,
  identificacao     varchar(50)   not null,
  descricao         varchar(250)  null,
  servidor          longtext      null,
  sin_link_externo  char(1)       not null,
  sin_ativo         char(1)       not null,
  sin_chave_acesso  char(1)       not null,
  sin_servidor      char(1)       not null,
  crc               char(8)       null,
  chave_acesso      char(60)      null,
  primary key (id_servico),
  index fk_servico_usuario (id_usuario),
  index i02_servico (crc),
  constraint fk_servico_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists operacao_servico;
create table operacao_servico (
  id_operacao_servico   int(11)  not null,
  sta_operacao_servico  int(11)  not null,
  id_tipo_procedimento  int(11)  null,
  id_serie              int(11)  null,
  id_unidade            int(11)  null,
  id_servico            int(11)  null,
  primary key (id_operacao_servico),
  index fk_oper_serv_serie (id_serie),
  index fk_oper_serv_servico (id_servico),
  index fk_oper_serv_tipo_proc (id_tipo_procedimento),
  index fk_oper_serv_unidade (id_unidade),
  constraint fk_oper_serv_serie foreign key (id_serie) references serie (id_serie) on update no action on delete no action,
  constraint fk_oper_serv_servico foreign key (id_servico) references servico (id_servico) on update no action on delete no action,
  constraint fk_oper_serv_tipo_proc foreign key (id_tipo_procedimento) references tipo_procedimento (id_tipo_procedimento) on update no action on delete no action,
  constraint fk_oper_serv_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists monitoramento_servico;
create table monitoramento_servico (
  id_monitoramento_servico  bigint(20)    not null,
  id_servico                int(11)       not null,
  operacao                  varchar(100)  not null,
  tempo_execucao            bigint(20)    not null,
  ip_acesso                 varchar(39)   null,
  dth_acesso                datetime      not null,
  servidor                  varchar(250)  null,
  user_agent                varchar(250)  null,
  primary key (id_monitoramento_servico),
  index fk_monitoram_servico_servico (id_servico),
  index i01_monitoramento_servico (dth_acesso),
  index i02_monitoramento_servico (operacao),
  constraint fk_monitoram_servico_servico foreign key (id_servico) references servico (id_servico)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Files and mail
-- ----------------------------------------------------------------------------------------------------

drop table if exists arquivo_extensao;
create table arquivo_extensao (
  id_arquivo_extensao  int(11)       not null,
  extensao             varchar(10)   not null,
  descricao            varchar(250)  null,
  sin_ativo            char(1)       not null,
  tamanho_maximo       int(11)       null,
  sin_interface        char(1)       not null,
  sin_servico          char(1)       not null,
  primary key (id_arquivo_extensao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into arquivo_extensao
  (id_arquivo_extensao, extensao, descricao, sin_ativo, sin_interface, sin_servico)
values
  (1, 'pdf', 'Documento em PDF', 'S', 'S', 'S'),
  (2, 'odt', 'Texto em formato aberto', 'S', 'S', 'S'),
  (3, 'ods', 'Planilha em formato aberto', 'S', 'S', 'S'),
  (4, 'jpg', 'Imagem', 'S', 'S', 'S'),
  (5, 'png', 'Imagem', 'S', 'S', 'S'),
  (6, 'txt', 'Texto simples', 'S', 'S', 'S'),
  (7, 'zip', 'Arquivos compactados', 'S', 'S', 'S'),
  (8, 'docx', 'Texto do Word', 'S', 'S', 'S'),
  (9, 'xlsx', 'Planilha do Excel', 'S', 'S', 'S'),
  (10, 'exe', 'Programa: nunca aceito', 'N', 'S', 'S');

drop table if exists tipo_conferencia;
create table tipo_conferencia (
  id_tipo_conferencia  int(11)       not null,
  descricao            varchar(250)  not null,
  sin_ativo            char(1)       not null,
  primary key (id_tipo_conferencia)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tipo_conferencia
  (id_tipo_conferencia, descricao, sin_ativo)
values
  (1, 'Original', 'S'),
  (2, 'Cópia conferida pelo servidor', 'S'),
  (3, 'Cópia autenticada em cartório', 'S'),
  (4, 'Cópia sem autenticação', 'S');

drop table if exists email_sistema;
create table email_sistema (
  id_email_sistema         int(11)       not null,
  descricao                varchar(250)  not null,
  de                       varchar(250)  not null,
  para                     varchar(250)  not null,
  assunto                  varchar(250)  not null,
  conteudo                 longtext      not null,
  sin_ativo                char(1)       not null,
  id_email_sistema_modulo  varchar(50)   null,
  primary key (id_email_sistema),
  unique i01_email_sistema (id_email_sistema_modulo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into email_sistema
  (id_email_sistema, descricao, de, para, assunto, conteudo, sin_ativo)
values
  (1, 'Aviso de processo recebido', '@sigla_sistema@ <@email_sistema@>', '@emails_unidade@', 'SEI: processo @processo@ na sua unidade', 'A unidade recebeu o processo @processo@.', 'S'),
  (7, 'Aviso de cadastro externo', '@sigla_sistema@ <@email_sistema@>', '@email_usuario_externo@', 'SEI: cadastro recebido', '@nome_usuario_externo@, seu cadastro foi recebido.', 'S'),
  (8, 'Nova senha de usuário externo', '@sigla_sistema@ <@email_sistema@>', '@email_usuario_externo@', 'SEI: nova senha', '@nome_usuario_externo@, sua nova senha é @nova_senha_usuario_externo@.', 'S');

-- ----------------------------------------------------------------------------------------------------
-- Counters: the next id of a table is the next id of its counter. Below 1000, tarefa and email_sistema are SEI's own.
-- ----------------------------------------------------------------------------------------------------

drop table if exists seq_acesso;
create table seq_acesso (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_acesso_externo;
create table seq_acesso_externo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_anexo;
create table seq_anexo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_arquivo_extensao;
create table seq_arquivo_extensao (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_arquivo_extensao (id, campo) values (10, '0');

drop table if exists seq_assinante;
create table seq_assinante (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_assinante (id, campo) values (4, '0');

drop table if exists seq_assinatura;
create table seq_assinatura (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_assunto;
create table seq_assunto (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_assunto (id, campo) values (27, '0');

drop table if exists seq_assunto_proxy;
create table seq_assunto_proxy (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_assunto_proxy (id, campo) values (22, '0');

drop table if exists seq_atividade;
create table seq_atividade (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_atributo_andamento;
create table seq_atributo_andamento (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_cargo;
create table seq_cargo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_cargo (id, campo) values (4, '0');

drop table if exists seq_categoria;
create table seq_categoria (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_cidade;
create table seq_cidade (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_cidade (id, campo) values (879, '0');

drop table if exists seq_conjunto_estilos;
create table seq_conjunto_estilos (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_conjunto_estilos (id, campo) values (1, '0');

drop table if exists seq_conjunto_estilos_item;
create table seq_conjunto_estilos_item (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_conjunto_estilos_item (id, campo) values (1, '0');

drop table if exists seq_contato;
create table seq_contato (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_contato (id, campo) values (100000010, '0');

drop table if exists seq_documento;
create table seq_documento (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_email_sistema;
create table seq_email_sistema (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_email_sistema (id, campo) values (1000, '0');

drop table if exists seq_email_unidade;
create table seq_email_unidade (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_email_unidade (id, campo) values (3, '0');

drop table if exists seq_estilo;
create table seq_estilo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_estilo (id, campo) values (1, '0');

drop table if exists seq_feriado;
create table seq_feriado (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_grupo_serie;
create table seq_grupo_serie (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_grupo_serie (id, campo) values (2, '0');

drop table if exists seq_hipotese_legal;
create table seq_hipotese_legal (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_hipotese_legal (id, campo) values (4, '0');

drop table if exists seq_infra_auditoria;
create table seq_infra_auditoria (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_infra_log;
create table seq_infra_log (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_modelo;
create table seq_modelo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_modelo (id, campo) values (40, '0');

drop table if exists seq_monitoramento_servico;
create table seq_monitoramento_servico (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_nivel_acesso_permitido;
create table seq_nivel_acesso_permitido (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_nivel_acesso_permitido (id, campo) values (30, '0');

drop table if exists seq_numeracao;
create table seq_numeracao (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_observacao;
create table seq_observacao (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_operacao_servico;
create table seq_operacao_servico (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_orgao_historico;
create table seq_orgao_historico (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_orgao_historico (id, campo) values (1, '0');

drop table if exists seq_pais;
create table seq_pais (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_pais (id, campo) values (76, '0');

drop table if exists seq_participante;
create table seq_participante (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_plano_trabalho;
create table seq_plano_trabalho (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_protocolo;
create table seq_protocolo (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_rel_protocolo_protocolo;
create table seq_rel_protocolo_protocolo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_rel_unidade_tipo_contato;
create table seq_rel_unidade_tipo_contato (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_rel_unidade_tipo_contato (id, campo) values (6, '0');

drop table if exists seq_secao_documento;
create table seq_secao_documento (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_secao_modelo;
create table seq_secao_modelo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_secao_modelo (id, campo) values (3, '0');

drop table if exists seq_serie;
create table seq_serie (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_serie (id, campo) values (86, '0');

drop table if exists seq_serie_restricao;
create table seq_serie_restricao (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_servico;
create table seq_servico (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_tabela_assuntos;
create table seq_tabela_assuntos (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tabela_assuntos (id, campo) values (1, '0');

drop table if exists seq_tarefa;
create table seq_tarefa (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tarefa (id, campo) values (1000, '0');

drop table if exists seq_tarja_assinatura;
create table seq_tarja_assinatura (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tarja_assinatura (id, campo) values (2, '0');

drop table if exists seq_texto_padrao_interno;
create table seq_texto_padrao_interno (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_tipo_conferencia;
create table seq_tipo_conferencia (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tipo_conferencia (id, campo) values (4, '0');

drop table if exists seq_tipo_contato;
create table seq_tipo_contato (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tipo_contato (id, campo) values (6, '0');

drop table if exists seq_tipo_formulario;
create table seq_tipo_formulario (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_tipo_prioridade;
create table seq_tipo_prioridade (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tipo_prioridade (id, campo) values (3, '0');

drop table if exists seq_tipo_proced_restricao;
create table seq_tipo_proced_restricao (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_tipo_procedimento;
create table seq_tipo_procedimento (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tipo_procedimento (id, campo) values (15, '0');

drop table if exists seq_titulo;
create table seq_titulo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_tratamento;
create table seq_tratamento (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_tratamento (id, campo) values (3, '0');

drop table if exists seq_uf;
create table seq_uf (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_uf (id, campo) values (27, '0');

drop table if exists seq_unidade_historico;
create table seq_unidade_historico (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_unidade_historico (id, campo) values (3, '0');

drop table if exists seq_versao_secao_documento;
create table seq_versao_secao_documento (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_vocativo;
create table seq_vocativo (id int(11) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;
insert into seq_vocativo (id, campo) values (4, '0');

-- Dump completed
