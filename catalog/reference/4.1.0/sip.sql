-- Reduced reference of the SIP database for SEI 4.1.0, written for Implanta: a subset of the tables, with rows of our own.
-- Names, columns, types and keys are those that SEI demands (tests/reference holds them against the official dump);
-- foreign keys to tables left out are left out too. The known weaknesses of every reference database are kept on
-- purpose, because creating an environment must close them: public access keys, sin_autenticar 'N', user teste with
-- permissions, example servers, parameters prefixed by the sigla ABC.

set names utf8mb4;
set foreign_key_checks = 0;  -- orgao, contato, unidade and usuario point at each other in a circle

-- ----------------------------------------------------------------------------------------------------
-- Bodies, units and their tree
-- ----------------------------------------------------------------------------------------------------

drop table if exists orgao;
create table orgao (
  id_orgao        int(11)       not null,
  sigla           varchar(30)   not null,
  descricao       varchar(250)  not null,
  sin_ativo       char(1)       not null,
  sin_autenticar  char(1)       not null,
  ordem           int(11)       not null,
  primary key (id_orgao),
  unique ak_orgao_sigla (sigla),
  unique i01_orgao (id_orgao, sin_ativo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into orgao
  (id_orgao, sigla, descricao, sin_ativo, sin_autenticar, ordem)
values
  (0, 'ABC', 'Órgão de Exemplo', 'S', 'N', 0);

drop table if exists unidade;
create table unidade (
  id_unidade  int(11)       not null,
  id_orgao    int(11)       not null,
  sigla       varchar(30)   not null,
  descricao   varchar(250)  not null,
  sin_ativo   char(1)       not null,
  sin_global  char(1)       not null,
  id_origem   varchar(50)   null,
  primary key (id_unidade),
  unique ak_unidade_sigla_orgao (sigla, id_orgao, sin_ativo),
  unique i02_unidade (id_unidade, sin_ativo),
  index fk_unidade_orgao (id_orgao),
  constraint fk_unidade_orgao foreign key (id_orgao) references orgao (id_orgao) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into unidade
  (id_unidade, id_orgao, sigla, descricao, sin_ativo, sin_global)
values
  (110000000, 0, '*', 'Todas as unidades', 'S', 'S'),
  (110000001, 0, 'TESTE', 'Unidade de Teste', 'S', 'N'),
  (110000002, 0, 'TESTE_1_1', 'Unidade de Teste 1.1', 'S', 'N'),
  (110000003, 0, 'TESTE_1_2', 'Unidade de Teste 1.2', 'S', 'N');

drop table if exists hierarquia;
create table hierarquia (
  id_hierarquia  int(11)       not null,
  nome           varchar(50)   not null,
  descricao      varchar(200)  null,
  dta_inicio     datetime      not null,
  dta_fim        datetime      null,
  sin_ativo      char(1)       not null,
  primary key (id_hierarquia),
  unique i01_hierarquia (id_hierarquia, sin_ativo)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into hierarquia
  (id_hierarquia, nome, descricao, dta_inicio, sin_ativo)
values
  (100000018, 'SEI', 'Unidades do órgão', '2026-01-01 00:00:00', 'S');

drop table if exists rel_hierarquia_unidade;
create table rel_hierarquia_unidade (
  id_unidade         int(11)   not null,
  id_hierarquia      int(11)   not null,
  id_hierarquia_pai  int(11)   null,
  id_unidade_pai     int(11)   null,
  dta_inicio         datetime  not null,
  dta_fim            datetime  null,
  sin_ativo          char(1)   not null,
  primary key (id_unidade, id_hierarquia),
  unique i04_rel_hierarquia_unidade (id_unidade, id_hierarquia, sin_ativo),
  index fk_rel_hie_uni_hierarquia (id_hierarquia),
  index fk_rel_hie_uni_rel_hie_uni (id_hierarquia_pai, id_unidade_pai),
  index fk_rel_hie_uni_unidade (id_unidade),
  constraint fk_rel_hie_uni_hierarquia foreign key (id_hierarquia) references hierarquia (id_hierarquia) on update no action on delete no action,
  constraint fk_rel_hie_uni_rel_hie_uni foreign key (id_hierarquia_pai, id_unidade_pai) references rel_hierarquia_unidade (id_hierarquia, id_unidade),
  constraint fk_rel_hie_uni_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_hierarquia_unidade
  (id_unidade, id_hierarquia, dta_inicio, sin_ativo, id_hierarquia_pai, id_unidade_pai)
values
  (110000001, 100000018, '2026-01-01 00:00:00', 'S', null, null),
  (110000002, 100000018, '2026-01-01 00:00:00', 'S', 100000018, 110000001),
  (110000003, 100000018, '2026-01-01 00:00:00', 'S', 100000018, 110000001);

-- ----------------------------------------------------------------------------------------------------
-- People
-- ----------------------------------------------------------------------------------------------------

drop table if exists usuario;
create table usuario (
  id_usuario           int(11)       not null,
  id_orgao             int(11)       not null,
  sigla                varchar(100)  not null,
  nome                 varchar(100)  not null,
  sin_ativo            char(1)       not null,
  id_origem            varchar(50)   null,
  cpf                  bigint(20)    null,
  nome_registro_civil  varchar(100)  not null,
  nome_social          varchar(100)  null,
  email                varchar(100)  null,
  sin_bloqueado        char(1)       not null,
  dth_pausa_2fa        datetime      null,
  primary key (id_usuario),
  unique ak_usuario_sigla_orgao (sigla, id_orgao, sin_ativo),
  unique i02_usuario (id_usuario, sin_ativo),
  index fk_usuario_orgao (id_orgao),
  index i03_usuario (id_origem),
  index i04_usuario (cpf),
  index i05_usuario (id_usuario, id_orgao, id_origem),
  index i06_usuario (id_usuario, id_orgao, cpf),
  index i07_usuario (sin_bloqueado),
  index i08_usuario (dth_pausa_2fa),
  constraint fk_usuario_orgao foreign key (id_orgao) references orgao (id_orgao) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into usuario
  (id_usuario, id_orgao, sigla, nome, nome_registro_civil, sin_ativo, sin_bloqueado)
values
  (1, 0, 'SIP', 'Sistema de Permissões', 'Sistema de Permissões', 'S', 'N'),
  (100000001, 0, 'teste', 'Usuário de Teste', 'Usuário de Teste', 'S', 'N');

drop table if exists usuario_historico;
create table usuario_historico (
  id_usuario_historico  int(11)        not null,
  id_codigo_acesso      varchar(26)    null,
  id_usuario            int(11)        not null,
  id_usuario_operacao   int(11)        not null,
  dth_operacao          datetime       not null,
  sta_operacao          char(1)        not null,
  motivo                varchar(4000)  null,
  dth_pausa_2fa         datetime       null,
  primary key (id_usuario_historico),
  index fk_usuario_historico_cod_acess (id_codigo_acesso),
  index fk_usuario_historico_usuario (id_usuario),
  index fk_usuario_historico_usu_oper (id_usuario_operacao),
  constraint fk_usuario_historico_cod_acess foreign key (id_codigo_acesso) references codigo_acesso (id_codigo_acesso),
  constraint fk_usuario_historico_usuario foreign key (id_usuario) references usuario (id_usuario),
  constraint fk_usuario_historico_usu_oper foreign key (id_usuario_operacao) references usuario (id_usuario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Systems; the access keys are public on purpose: secret of 64 zeros after the crc
-- ----------------------------------------------------------------------------------------------------

drop table if exists sistema;
create table sistema (
  id_sistema          int(11)       not null,
  id_orgao            int(11)       not null,
  id_hierarquia       int(11)       not null,
  sigla               varchar(15)   not null,
  descricao           varchar(200)  null,
  pagina_inicial      varchar(255)  null,
  sin_ativo           char(1)       not null,
  web_service         varchar(255)  null,
  logo                longtext      null,
  sta_2_fatores       char(1)       not null,
  esquema_login       varchar(50)   null,
  servicos_liberados  varchar(200)  null,
  chave_acesso        varchar(60)   null,
  crc                 char(8)       null,
  primary key (id_sistema),
  unique ak_sistema_sigla_orgao (sigla, id_orgao),
  unique i03_sistema (id_sistema, sin_ativo),
  index fk_sistema_hierarquia (id_hierarquia),
  index fk_sistema_orgao (id_orgao),
  constraint fk_sistema_hierarquia foreign key (id_hierarquia) references hierarquia (id_hierarquia) on update no action on delete no action,
  constraint fk_sistema_orgao foreign key (id_orgao) references orgao (id_orgao) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into sistema
  (id_sistema, id_orgao, id_hierarquia, sigla, descricao, pagina_inicial, sin_ativo, web_service, sta_2_fatores, esquema_login, servicos_liberados, chave_acesso, crc)
values
  (100000099, 0, 100000018, 'SIP', 'Sistema de Permissões', 'http://localhost:8000/sip', 'S', null, 'P', 'azul_claro', null, '$2a$12$YeTy7zjfoMStZ2lVzapIE.lFJ8GSt1RZ7V6vtc47GhoPnxAd3ajMK', 'd27791b8'),
  (100000100, 0, 100000018, 'SEI', 'Sistema Eletrônico de Informações', 'http://localhost:8000/sei/inicializar.php', 'S', 'http://localhost:8000/sei/controlador_ws.php?servico=sip', 'P', 'azul_celeste', '1,2,3,4,5,6', '$2a$12$B4114i7mAsmjWfUGGnzNqOrmdVY/Y.If.IzJNMFQligmJCqRxKC2K', '7babf862');

drop table if exists administrador_sistema;
create table administrador_sistema (
  id_usuario  int(11)  not null,
  id_sistema  int(11)  not null,
  primary key (id_usuario, id_sistema),
  index fk_admin_sistema_sistema (id_sistema),
  index fk_admin_sistema_usuario (id_usuario),
  constraint fk_admin_sistema_sistema foreign key (id_sistema) references sistema (id_sistema) on update no action on delete no action,
  constraint fk_admin_sistema_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into administrador_sistema
  (id_usuario, id_sistema)
values
  (100000001, 100000099),
  (100000001, 100000100);

-- ----------------------------------------------------------------------------------------------------
-- Roles and grants
-- ----------------------------------------------------------------------------------------------------

drop table if exists perfil;
create table perfil (
  id_perfil       int(11)       not null,
  id_sistema      int(11)       not null,
  nome            varchar(100)  not null,
  descricao       longtext      null,
  sin_coordenado  char(1)       not null,
  sin_ativo       char(1)       not null,
  sin_2_fatores   char(1)       not null,
  primary key (id_perfil, id_sistema),
  unique ak_perfil_nome (nome, id_sistema),
  index fk_perfil_sistema (id_sistema),
  constraint fk_perfil_sistema foreign key (id_sistema) references sistema (id_sistema) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into perfil
  (id_perfil, id_sistema, nome, descricao, sin_coordenado, sin_ativo, sin_2_fatores)
values
  (100000931, 100000099, 'Administrador SIP', 'Administra todo o SIP.', 'N', 'S', 'N'),
  (100000932, 100000099, 'Básico', 'Uso comum do SIP.', 'N', 'S', 'N'),
  (100000933, 100000099, 'Administrador de Sistema', 'Administra um sistema.', 'N', 'S', 'N'),
  (100000935, 100000099, 'Administrador de Hierarquia', 'Mantém a árvore de unidades.', 'N', 'S', 'N'),
  (100000936, 100000099, 'Coordenador de Perfil', 'Concede os perfis que coordena.', 'N', 'S', 'N'),
  (100000937, 100000099, 'Cadastro de Usuários e Unidades', 'Mantém pessoas e unidades.', 'N', 'S', 'N'),
  (100000938, 100000100, 'Básico', 'Uso comum do SEI.', 'N', 'S', 'N'),
  (100000939, 100000100, 'Administrador', 'Mantém as tabelas do SEI.', 'N', 'S', 'N'),
  (100000940, 100000100, 'Informática', 'Apoio técnico ao SEI.', 'N', 'S', 'N'),
  (100000941, 100000100, 'Arquivamento', 'Trabalho do arquivo.', 'N', 'S', 'N'),
  (100000944, 100000100, 'Ouvidoria', 'Trabalho da ouvidoria.', 'N', 'S', 'N'),
  (100000945, 100000100, 'Inspeção', 'Consulta de indicadores e auditoria.', 'N', 'S', 'N'),
  (100000946, 100000099, 'Coordenador de Unidade', 'Concede perfis em sua unidade.', 'N', 'S', 'N'),
  (100000947, 100000100, 'Colaborador (Básico sem Assinatura)', 'Uso comum sem assinar.', 'N', 'S', 'N'),
  (100000949, 100000100, 'Acervo de Sigilosos da Unidade', 'Coordena os sigilosos da unidade.', 'N', 'S', 'N'),
  (100000950, 100000100, 'CPAD', 'Avaliação de documentos.', 'N', 'S', 'N');

drop table if exists grupo_perfil;
create table grupo_perfil (
  id_grupo_perfil  int(11)       not null,
  id_sistema       int(11)       not null,
  nome             varchar(100)  not null,
  sin_ativo        char(1)       not null,
  primary key (id_grupo_perfil, id_sistema),
  index fk_grupo_perfil_sistema (id_sistema),
  constraint fk_grupo_perfil_sistema foreign key (id_sistema) references sistema (id_sistema)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists rel_grupo_perfil_perfil;
create table rel_grupo_perfil_perfil (
  id_grupo_perfil  int(11)  not null,
  id_sistema       int(11)  not null,
  id_perfil        int(11)  not null,
  primary key (id_grupo_perfil, id_sistema, id_perfil),
  index fk_rel_grupo_perf_perf_grupo (id_grupo_perfil, id_sistema),
  index fk_rel_grupo_perf_perf_perfil (id_perfil, id_sistema),
  constraint fk_rel_grupo_perf_perf_grupo foreign key (id_grupo_perfil, id_sistema) references grupo_perfil (id_grupo_perfil, id_sistema),
  constraint fk_rel_grupo_perf_perf_perfil foreign key (id_perfil, id_sistema) references perfil (id_perfil, id_sistema)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists tipo_permissao;
create table tipo_permissao (
  id_tipo_permissao  int(11)      not null,
  descricao          varchar(50)  not null,
  primary key (id_tipo_permissao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into tipo_permissao
  (id_tipo_permissao, descricao)
values
  (1, 'Não delegável'),
  (2, 'Delegável'),
  (3, 'Delegável uma vez');

drop table if exists permissao;
create table permissao (
  id_perfil          int(11)   not null,
  id_sistema         int(11)   not null,
  id_usuario         int(11)   not null,
  id_unidade         int(11)   not null,
  id_tipo_permissao  int(11)   not null,
  dta_inicio         datetime  not null,
  dta_fim            datetime  null,
  sin_subunidades    char(1)   not null default 'N',
  primary key (id_perfil, id_sistema, id_usuario, id_unidade),
  index fk_permissao_perfil (id_perfil, id_sistema),
  index fk_permissao_tipo_permissao (id_tipo_permissao),
  index fk_permissao_unidade (id_unidade),
  index fk_permissao_usuario (id_usuario),
  constraint fk_permissao_perfil foreign key (id_perfil, id_sistema) references perfil (id_perfil, id_sistema) on update no action on delete no action,
  constraint fk_permissao_tipo_permissao foreign key (id_tipo_permissao) references tipo_permissao (id_tipo_permissao) on update no action on delete no action,
  constraint fk_permissao_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_permissao_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into permissao
  (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao, dta_inicio, sin_subunidades)
values
  (100000931, 100000099, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000932, 100000099, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000933, 100000099, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000938, 100000100, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000939, 100000100, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000940, 100000100, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000941, 100000100, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N'),
  (100000945, 100000100, 100000001, 110000000, 1, '2026-01-01 00:00:00', 'N');

drop table if exists coordenador_perfil;
create table coordenador_perfil (
  id_perfil   int(11)  not null,
  id_usuario  int(11)  not null,
  id_sistema  int(11)  not null,
  primary key (id_perfil, id_usuario, id_sistema),
  index fk_coordenador_perfil_perfil (id_perfil, id_sistema),
  index fk_coordenador_perfil_usuario (id_usuario),
  constraint fk_coordenador_perfil_perfil foreign key (id_perfil, id_sistema) references perfil (id_perfil, id_sistema) on update no action on delete no action,
  constraint fk_coordenador_perfil_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists coordenador_unidade;
create table coordenador_unidade (
  id_sistema  int(11)  not null,
  id_usuario  int(11)  not null,
  id_unidade  int(11)  not null,
  primary key (id_sistema, id_usuario, id_unidade),
  index fk_coordenador_unidade_sistema (id_sistema),
  index fk_coordenador_unidade_unidade (id_unidade),
  index fk_coordenador_unidade_usuario (id_usuario),
  constraint fk_coordenador_unidade_sistema foreign key (id_sistema) references sistema (id_sistema) on update no action on delete no action,
  constraint fk_coordenador_unidade_unidade foreign key (id_unidade) references unidade (id_unidade) on update no action on delete no action,
  constraint fk_coordenador_unidade_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Rights and menus
-- ----------------------------------------------------------------------------------------------------

drop table if exists recurso;
create table recurso (
  id_sistema  int(11)       not null,
  id_recurso  int(11)       not null,
  nome        varchar(100)  not null,
  descricao   varchar(200)  null,
  caminho     varchar(255)  not null,
  sin_ativo   char(1)       not null,
  primary key (id_sistema, id_recurso),
  unique ak_recurso_nome (nome, id_sistema),
  unique i02_recurso (id_sistema, id_recurso, sin_ativo),
  index fk_recurso_sistema (id_sistema),
  index i03_recurso (id_sistema, sin_ativo, id_recurso, nome),
  index i04_recurso (id_recurso, sin_ativo),
  constraint fk_recurso_sistema foreign key (id_sistema) references sistema (id_sistema) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into recurso
  (id_sistema, id_recurso, nome, descricao, caminho, sin_ativo)
values
  (100000099, 100000001, 'usuario_cadastrar', 'Cadastrar usuário', 'controlador.php?acao=usuario_cadastrar', 'S'),
  (100000099, 100000002, 'usuario_listar', 'Listar usuários', 'controlador.php?acao=usuario_listar', 'S'),
  (100000099, 100000003, 'unidade_cadastrar', 'Cadastrar unidade', 'controlador.php?acao=unidade_cadastrar', 'S'),
  (100000099, 100000004, 'unidade_listar', 'Listar unidades', 'controlador.php?acao=unidade_listar', 'S'),
  (100000099, 100000005, 'permissao_cadastrar', 'Conceder permissão', 'controlador.php?acao=permissao_cadastrar', 'S'),
  (100000099, 100000006, 'permissao_listar', 'Listar permissões', 'controlador.php?acao=permissao_listar', 'S'),
  (100000099, 100000007, 'hierarquia_montar', 'Montar a árvore de unidades', 'controlador.php?acao=hierarquia_montar', 'S'),
  (100000100, 100000008, 'procedimento_gerar', 'Abrir processo', 'controlador.php?acao=procedimento_gerar', 'S'),
  (100000100, 100000009, 'procedimento_trabalhar', 'Trabalhar no processo', 'controlador.php?acao=procedimento_trabalhar', 'S'),
  (100000100, 100000010, 'procedimento_controlar', 'Ver os processos da unidade', 'controlador.php?acao=procedimento_controlar', 'S'),
  (100000100, 100000011, 'documento_gerar', 'Escrever documento', 'controlador.php?acao=documento_gerar', 'S'),
  (100000100, 100000012, 'documento_receber', 'Incluir documento externo', 'controlador.php?acao=documento_receber', 'S'),
  (100000100, 100000013, 'documento_assinar', 'Assinar documento', 'controlador.php?acao=documento_assinar', 'S'),
  (100000100, 100000014, 'protocolo_pesquisar', 'Pesquisar', 'controlador.php?acao=protocolo_pesquisar', 'S'),
  (100000100, 100000015, 'tipo_procedimento_listar', 'Listar tipos de processo', 'controlador.php?acao=tipo_procedimento_listar', 'S'),
  (100000100, 100000016, 'serie_listar', 'Listar tipos de documento', 'controlador.php?acao=serie_listar', 'S'),
  (100000100, 100000017, 'usuario_sistema_listar', 'Listar usuários de sistema', 'controlador.php?acao=usuario_sistema_listar', 'S'),
  (100000100, 100000018, 'documento_visualizar', 'Ler documento', 'controlador.php?acao=documento_visualizar', 'S'),
  (100000100, 100000019, 'documento_download_anexo', 'Baixar arquivo', 'controlador.php?acao=documento_download_anexo', 'S'),
  (100000100, 100000020, 'documento_excluir', 'Excluir documento', 'controlador.php?acao=documento_excluir', 'S'),
  (100000100, 100000021, 'procedimento_excluir', 'Excluir processo', 'controlador.php?acao=procedimento_excluir', 'S');

drop table if exists recurso_vinculado;
create table recurso_vinculado (
  id_sistema            int(11)  not null,
  id_recurso            int(11)  not null,
  id_sistema_vinculado  int(11)  not null,
  id_recurso_vinculado  int(11)  not null,
  tipo_vinculo          int(11)  not null,
  primary key (id_sistema, id_recurso, id_sistema_vinculado, id_recurso_vinculado),
  index fk_recurso_vinculado_recurso_1 (id_sistema_vinculado, id_recurso_vinculado),
  index fk_recurso_vinculado_recurso_2 (id_sistema, id_recurso),
  constraint fk_recurso_vinculado_recurso_1 foreign key (id_sistema_vinculado, id_recurso_vinculado) references recurso (id_sistema, id_recurso) on update no action on delete no action,
  constraint fk_recurso_vinculado_recurso_2 foreign key (id_sistema, id_recurso) references recurso (id_sistema, id_recurso) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists rel_perfil_recurso;
create table rel_perfil_recurso (
  id_perfil   int(11)  not null,
  id_sistema  int(11)  not null,
  id_recurso  int(11)  not null,
  primary key (id_perfil, id_sistema, id_recurso),
  index fk_rel_perfil_recurso_perfil (id_sistema, id_perfil),
  index fk_rel_perfil_recurso_recurso (id_sistema, id_recurso),
  constraint fk_rel_perfil_recurso_perfil foreign key (id_sistema, id_perfil) references perfil (id_sistema, id_perfil) on update no action on delete no action,
  constraint fk_rel_perfil_recurso_recurso foreign key (id_sistema, id_recurso) references recurso (id_sistema, id_recurso) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_perfil_recurso
  (id_perfil, id_sistema, id_recurso)
values
  (100000931, 100000099, 100000001), (100000931, 100000099, 100000002), (100000931, 100000099, 100000003),
  (100000931, 100000099, 100000004), (100000931, 100000099, 100000005), (100000931, 100000099, 100000006),
  (100000931, 100000099, 100000007), (100000935, 100000099, 100000007), (100000935, 100000099, 100000004),
  (100000937, 100000099, 100000001), (100000937, 100000099, 100000002), (100000937, 100000099, 100000003),
  (100000937, 100000099, 100000004), (100000938, 100000100, 100000008), (100000938, 100000100, 100000009),
  (100000938, 100000100, 100000010), (100000938, 100000100, 100000011), (100000938, 100000100, 100000012),
  (100000938, 100000100, 100000013), (100000938, 100000100, 100000014), (100000939, 100000100, 100000015),
  (100000939, 100000100, 100000016), (100000939, 100000100, 100000017), (100000947, 100000100, 100000008),
  (100000947, 100000100, 100000009),
  (100000947, 100000100, 100000010), (100000947, 100000100, 100000011), (100000947, 100000100, 100000012),
  (100000947, 100000100, 100000014),
  (100000938, 100000100, 100000018), (100000938, 100000100, 100000019), (100000938, 100000100, 100000020),
  (100000938, 100000100, 100000021), (100000947, 100000100, 100000018), (100000947, 100000100, 100000019),
  (100000947, 100000100, 100000020), (100000947, 100000100, 100000021);

drop table if exists menu;
create table menu (
  id_menu     int(11)       not null,
  id_sistema  int(11)       not null,
  nome        varchar(50)   not null,
  descricao   varchar(200)  null,
  sin_ativo   char(1)       not null,
  primary key (id_menu),
  unique i02_menu (id_menu, sin_ativo),
  index fk_menu_sistema (id_sistema),
  constraint fk_menu_sistema foreign key (id_sistema) references sistema (id_sistema) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into menu
  (id_menu, id_sistema, nome, descricao, sin_ativo)
values
  (100000078, 100000099, 'Principal', 'Menu do SIP', 'S'),
  (100000079, 100000100, 'Principal', 'Menu do SEI', 'S');

drop table if exists item_menu;
create table item_menu (
  id_menu           int(11)       not null,
  id_item_menu      int(11)       not null,
  id_sistema        int(11)       null,
  id_menu_pai       int(11)       null,
  id_item_menu_pai  int(11)       null,
  id_recurso        int(11)       null,
  rotulo            varchar(50)   not null,
  descricao         varchar(200)  null,
  sequencia         int(11)       not null,
  sin_ativo         char(1)       not null,
  sin_nova_janela   char(1)       not null,
  icone             varchar(250)  null,
  primary key (id_menu, id_item_menu),
  unique i04_item_menu (id_menu, id_item_menu, sin_ativo),
  index fk_item_menu_item_menu (id_menu_pai, id_item_menu_pai),
  index fk_item_menu_menu (id_menu),
  index fk_item_menu_recurso (id_sistema, id_recurso),
  index i05_item_menu (id_recurso),
  constraint fk_item_menu_item_menu foreign key (id_menu_pai, id_item_menu_pai) references item_menu (id_menu, id_item_menu) on update no action on delete no action,
  constraint fk_item_menu_menu foreign key (id_menu) references menu (id_menu) on update no action on delete no action,
  constraint fk_item_menu_recurso foreign key (id_sistema, id_recurso) references recurso (id_sistema, id_recurso) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into item_menu
  (id_menu, id_item_menu, id_sistema, id_recurso, rotulo, sequencia, sin_ativo, sin_nova_janela)
values
  (100000078, 100000001, 100000099, 100000002, 'Usuários', 10, 'S', 'N'),
  (100000078, 100000002, 100000099, 100000004, 'Unidades', 20, 'S', 'N'),
  (100000078, 100000003, 100000099, 100000006, 'Permissões', 30, 'S', 'N'),
  (100000079, 100000004, 100000100, 100000010, 'Controle de Processos', 40, 'S', 'N'),
  (100000079, 100000005, 100000100, 100000008, 'Iniciar Processo', 50, 'S', 'N'),
  (100000079, 100000006, 100000100, 100000014, 'Pesquisa', 60, 'S', 'N');

drop table if exists rel_perfil_item_menu;
create table rel_perfil_item_menu (
  id_perfil     int(11)  not null,
  id_sistema    int(11)  not null,
  id_menu       int(11)  not null,
  id_item_menu  int(11)  not null,
  id_recurso    int(11)  not null,
  primary key (id_menu, id_item_menu, id_perfil, id_sistema, id_recurso),
  index fk_rel_perfil_item_menu_it_men (id_menu, id_item_menu),
  index fk_rel_per_ite_men_rel_per_rec (id_sistema, id_perfil, id_recurso),
  index i01_rel_perfil_item_menu (id_perfil, id_sistema),
  constraint fk_rel_perfil_item_menu_it_men foreign key (id_menu, id_item_menu) references item_menu (id_menu, id_item_menu) on update no action on delete no action,
  constraint fk_rel_per_ite_men_rel_per_rec foreign key (id_sistema, id_perfil, id_recurso) references rel_perfil_recurso (id_sistema, id_perfil, id_recurso) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_perfil_item_menu
  (id_perfil, id_sistema, id_menu, id_item_menu, id_recurso)
values
  (100000931, 100000099, 100000078, 100000001, 100000002), (100000937, 100000099, 100000078, 100000001, 100000002),
  (100000931, 100000099, 100000078, 100000002, 100000004), (100000935, 100000099, 100000078, 100000002, 100000004),
  (100000937, 100000099, 100000078, 100000002, 100000004), (100000931, 100000099, 100000078, 100000003, 100000006),
  (100000938, 100000100, 100000079, 100000004, 100000010), (100000947, 100000100, 100000079, 100000004, 100000010),
  (100000938, 100000100, 100000079, 100000005, 100000008), (100000947, 100000100, 100000079, 100000005, 100000008),
  (100000938, 100000100, 100000079, 100000006, 100000014), (100000947, 100000100, 100000079, 100000006, 100000014);

-- ----------------------------------------------------------------------------------------------------
-- Authentication
-- ----------------------------------------------------------------------------------------------------

drop table if exists servidor_autenticacao;
create table servidor_autenticacao (
  id_servidor_autenticacao   int(11)       not null,
  nome                       varchar(50)   not null,
  sta_tipo                   varchar(10)   not null,
  endereco                   varchar(100)  not null,
  porta                      int(11)       not null,
  sufixo                     varchar(50)   null,
  usuario_pesquisa           varchar(100)  null,
  senha_pesquisa             varchar(100)  null,
  contexto_pesquisa          varchar(100)  null,
  atributo_filtro_pesquisa   varchar(100)  null,
  atributo_retorno_pesquisa  varchar(100)  null,
  versao                     int(11)       not null,
  primary key (id_servidor_autenticacao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into servidor_autenticacao
  (id_servidor_autenticacao, nome, sta_tipo, endereco, porta, sufixo, usuario_pesquisa, contexto_pesquisa, atributo_filtro_pesquisa, atributo_retorno_pesquisa, versao)
values
  (1, 'Exemplo_AD_1', 'AD', 'ad1.exemplo.invalid', 389, '@exemplo.invalid', 'pesquisa@exemplo.invalid', 'DC=exemplo,DC=invalid', 'userPrincipalName', 'distinguishedName', 3),
  (2, 'Exemplo_AD_2', 'AD', 'ad2.exemplo.invalid', 389, '@exemplo.invalid', 'pesquisa@exemplo.invalid', 'DC=exemplo,DC=invalid', 'userPrincipalName', 'distinguishedName', 3);

drop table if exists rel_orgao_autenticacao;
create table rel_orgao_autenticacao (
  id_orgao                  int(11)  not null,
  id_servidor_autenticacao  int(11)  not null,
  sequencia                 int(11)  not null,
  primary key (id_orgao, id_servidor_autenticacao),
  index fk_rel_orgao_aut_autenticacao (id_servidor_autenticacao),
  index fk_rel_orgao_aut_orgao (id_orgao),
  constraint fk_rel_orgao_aut_autenticacao foreign key (id_servidor_autenticacao) references servidor_autenticacao (id_servidor_autenticacao),
  constraint fk_rel_orgao_aut_orgao foreign key (id_orgao) references orgao (id_orgao)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_orgao_autenticacao
  (id_orgao, id_servidor_autenticacao, sequencia)
values
  (0, 1, 0);

drop table if exists login;
create table login (
  id_login               char(128)     not null,
  id_sistema             int(11)       not null,
  id_usuario             int(11)       not null,
  dth_login              datetime      not null,
  hash_interno           char(128)     not null,
  hash_usuario           char(128)     not null,
  hash_agente            char(128)     not null,
  id_usuario_emulador    int(11)       null,
  http_client_ip         varchar(39)   null,
  remote_addr            varchar(39)   null,
  http_x_forwarded_for   varchar(39)   null,
  sta_login              char(1)       not null,
  user_agent             varchar(500)  not null,
  id_dispositivo_acesso  varchar(26)   null,
  id_codigo_acesso       varchar(26)   null,
  primary key (id_login, id_usuario, id_sistema),
  index fk_login_codigo_acesso (id_codigo_acesso),
  index fk_login_dispositivo_acesso (id_dispositivo_acesso),
  index fk_login_sistema (id_sistema),
  index fk_login_usuario (id_usuario),
  index fk_login_usuario_emulador (id_usuario_emulador),
  index i04_login (id_login, id_sistema, id_usuario, sta_login),
  index i05_login (id_login, id_sistema, id_usuario, dth_login),
  index i06_login (hash_usuario, dth_login, sta_login),
  index i07_login (dth_login),
  constraint fk_login_codigo_acesso foreign key (id_codigo_acesso) references codigo_acesso (id_codigo_acesso),
  constraint fk_login_dispositivo_acesso foreign key (id_dispositivo_acesso) references dispositivo_acesso (id_dispositivo_acesso),
  constraint fk_login_sistema foreign key (id_sistema) references sistema (id_sistema) on update no action on delete no action,
  constraint fk_login_usuario foreign key (id_usuario) references usuario (id_usuario) on update no action on delete no action,
  constraint fk_login_usuario_emulador foreign key (id_usuario_emulador) references usuario (id_usuario) on update no action on delete no action
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists dispositivo_acesso;
create table dispositivo_acesso (
  id_dispositivo_acesso  varchar(26)   not null,
  id_codigo_acesso       varchar(26)   not null,
  chave_dispositivo      varchar(60)   not null,
  chave_acesso           varchar(60)   null,
  dth_liberacao          datetime      null,
  user_agent             varchar(500)  not null,
  dth_acesso             datetime      not null,
  ip_acesso              varchar(39)   not null,
  sin_ativo              char(1)       not null,
  primary key (id_dispositivo_acesso),
  index fk_disp_acesso_cod_acesso (id_codigo_acesso),
  index i01_dispositivo_acesso (dth_acesso),
  index i02_dispositivo_acesso (dth_liberacao),
  constraint fk_disp_acesso_cod_acesso foreign key (id_codigo_acesso) references codigo_acesso (id_codigo_acesso)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists codigo_acesso;
create table codigo_acesso (
  id_codigo_acesso        varchar(26)   not null,
  id_usuario              int(11)       not null,
  id_usuario_desativacao  int(11)       null,
  id_sistema              int(11)       not null,
  chave_geracao           varchar(32)   not null,
  dth_geracao             datetime      not null,
  chave_ativacao          varchar(60)   null,
  dth_envio_ativacao      datetime      null,
  dth_ativacao            datetime      null,
  chave_desativacao       varchar(60)   null,
  dth_envio_desativacao   datetime      null,
  dth_desativacao         datetime      null,
  dth_acesso              datetime      null,
  email                   varchar(100)  null,
  sin_ativo               char(1)       not null,
  primary key (id_codigo_acesso),
  index fk_codigo_acesso_sistema (id_sistema),
  index fk_codigo_acesso_usuario (id_usuario),
  index fk_cod_acesso_usu_desativacao (id_usuario_desativacao),
  index i01_codigo_acesso (dth_ativacao),
  constraint fk_codigo_acesso_sistema foreign key (id_sistema) references sistema (id_sistema),
  constraint fk_codigo_acesso_usuario foreign key (id_usuario) references usuario (id_usuario),
  constraint fk_cod_acesso_usu_desativacao foreign key (id_usuario_desativacao) references usuario (id_usuario)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists codigo_bloqueio;
create table codigo_bloqueio (
  id_codigo_bloqueio  varchar(26)  not null,
  id_codigo_acesso    varchar(26)  not null,
  chave_bloqueio      varchar(60)  not null,
  dth_envio           datetime     not null,
  dth_bloqueio        datetime     null,
  sin_ativo           char(1)      not null,
  primary key (id_codigo_bloqueio),
  index fk_cod_bloqueio_cod_acesso (id_codigo_acesso),
  index i01_codigo_bloqueio (dth_envio),
  constraint fk_cod_bloqueio_cod_acesso foreign key (id_codigo_acesso) references codigo_acesso (id_codigo_acesso)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- ----------------------------------------------------------------------------------------------------
-- Parameters, counters, schedules and logs
-- ----------------------------------------------------------------------------------------------------

drop table if exists infra_parametro;
create table infra_parametro (
  nome   varchar(50)    not null,
  valor  varchar(1024)  null,
  primary key (nome)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_parametro
  (nome, valor)
values
  ('ID_PERFIL_SIP_ADMINISTRADOR_SIP', '100000931'),
  ('ID_PERFIL_SIP_ADMINISTRADOR_SISTEMA', '100000933'),
  ('ID_PERFIL_SIP_BASICO', '100000932'),
  ('ID_PERFIL_SIP_COORDENADOR_PERFIL', '100000936'),
  ('ID_PERFIL_SIP_COORDENADOR_UNIDADE', '100000946'),
  ('ID_SISTEMA_SEI', '100000100'),
  ('ID_SISTEMA_SIP', '100000099'),
  ('ID_UNIDADE_TESTE', '110000001'),
  ('ID_USUARIO_SIP', '1'),
  ('SEI_VERSAO', '4.1.0'),
  ('SIP_2_FATORES_SUFIXOS_EMAIL_NAO_PERMTIDOS', '.jus.br, .gov.br'),
  ('SIP_2_FATORES_TEMPO_DIAS_LINK_BLOQUEIO', '10'),
  ('SIP_2_FATORES_TEMPO_DIAS_PAUSA_USUARIO', '3'),
  ('SIP_2_FATORES_TEMPO_DIAS_VALIDADE_DISPOSITIVO', '45'),
  ('SIP_2_FATORES_TEMPO_MINUTOS_LINK_HABILITACAO', '60'),
  ('SIP_EMAIL_ADMINISTRADOR', 'administrador@exemplo.invalid'),
  ('SIP_EMAIL_SISTEMA', 'naoresponda@exemplo.invalid'),
  ('SIP_FORMATAR_NOME_USUARIO', '1'),
  ('SIP_FORMATAR_SIGLA_USUARIO', '1'),
  ('SIP_MSG_USUARIO_BLOQUEADO', 'Acesso bloqueado: procure o suporte.'),
  ('SIP_NUM_HISTORICO_ULTIMOS_ACESSOS', '10'),
  ('SIP_TEMPO_DIAS_HISTORICO_ACESSOS', '90'),
  ('SIP_TIPO_CAPTCHA', '5'),
  ('SIP_VERSAO', '3.1.0');

drop table if exists infra_sequencia;
create table infra_sequencia (
  nome_tabela     varchar(30)  not null,
  qtd_incremento  int(11)      not null,
  num_atual       int(11)      not null,
  num_maximo      int(11)      not null,
  primary key (nome_tabela)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into infra_sequencia
  (nome_tabela, qtd_incremento, num_atual, num_maximo)
values
  ('grupo_perfil', 1, 0, 999999999),
  ('hierarquia', 1, 100000018, 199999999),
  ('infra_agendamento_tarefa', 1, 5, 999999999),
  ('item_menu', 1, 100000006, 199999999),
  ('menu', 1, 100000079, 199999999),
  ('orgao', 1, 0, 999999999),
  ('perfil', 1, 100000950, 199999999),
  ('recurso', 1, 100000021, 199999999),
  ('regra_auditoria', 1, 1, 999999999),
  ('servidor_autenticacao', 1, 2, 999999999),
  ('sistema', 1, 100000100, 199999999),
  ('tipo_permissao', 1, 3, 999999999),
  ('unidade', 1, 110000003, 199999999),
  ('usuario', 1, 100000001, 199999999),
  ('usuario_historico', 1, 1, 999999999);

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
  (id_infra_agendamento_tarefa, descricao, comando, sta_periodicidade_execucao, periodicidade_complemento, sin_sucesso, sin_ativo)
values
  (1, 'Limpar registros de acesso antigos', 'AgendamentoRN::removerDadosLogin', 'D', '1', 'N', 'S'),
  (2, 'Sinal de vida do agendador do SIP', 'AgendamentoRN::testarAgendamento', 'N', '0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55', 'N', 'S'),
  (3, 'Replicar usuários no SEI', 'AgendamentoRN::replicarTodosUsuariosSEI', 'D', '6', 'N', 'N'),
  (4, 'Replicar unidades da hierarquia no SEI', 'AgendamentoRN::replicarUnidadesHierarquiaSEI', 'D', '5', 'N', 'N'),
  (5, 'Replicar regras de auditoria no SEI', 'AgendamentoRN::replicarRegrasAuditoriaSEI', 'D', '7', 'N', 'S');

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
  index i04_infra_auditoria (sigla_unidade)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists infra_captcha;
create table infra_captcha (
  identificacao  varchar(50)  not null,
  dia            int(11)      not null,
  mes            int(11)      not null,
  ano            int(11)      not null,
  acertos        bigint(20)   not null,
  erros          bigint(20)   not null,
  primary key (identificacao, dia, mes, ano)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists infra_captcha_tentativa;
create table infra_captcha_tentativa (
  identificacao      varchar(50)   not null,
  id_usuario_origem  varchar(100)  not null,
  tentativas         int(11)       not null,
  dth_tentativa      datetime      not null,
  user_agent         varchar(500)  not null,
  ip                 varchar(15)   not null,
  primary key (identificacao, id_usuario_origem)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

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
-- Audit rules
-- ----------------------------------------------------------------------------------------------------

drop table if exists regra_auditoria;
create table regra_auditoria (
  id_regra_auditoria  int(11)       not null,
  descricao           varchar(250)  not null,
  id_sistema          int(11)       not null,
  sin_ativo           char(1)       not null,
  primary key (id_regra_auditoria),
  index fk_auditoria_sistema (id_sistema),
  constraint fk_auditoria_sistema foreign key (id_sistema) references sistema (id_sistema)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into regra_auditoria
  (id_regra_auditoria, descricao, id_sistema, sin_ativo)
values
  (1, 'Geral', 100000099, 'S');

drop table if exists rel_regra_auditoria_recurso;
create table rel_regra_auditoria_recurso (
  id_recurso          int(11)  not null,
  id_sistema          int(11)  not null,
  id_regra_auditoria  int(11)  not null,
  primary key (id_sistema, id_recurso, id_regra_auditoria),
  index fk_auditoria_recurso_recurso (id_sistema, id_recurso),
  index fk_rel_auditoria_recurso_audit (id_regra_auditoria),
  constraint fk_auditoria_recurso_recurso foreign key (id_sistema, id_recurso) references recurso (id_sistema, id_recurso),
  constraint fk_rel_auditoria_recurso_audit foreign key (id_regra_auditoria) references regra_auditoria (id_regra_auditoria)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into rel_regra_auditoria_recurso
  (id_recurso, id_sistema, id_regra_auditoria)
values
  (100000001, 100000099, 1),
  (100000003, 100000099, 1),
  (100000005, 100000099, 1);

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
  (1, 'Geral', 'S');

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
  (1, 'usuario_cadastrar'),
  (1, 'unidade_cadastrar'),
  (1, 'permissao_cadastrar');

-- ----------------------------------------------------------------------------------------------------
-- Mail
-- ----------------------------------------------------------------------------------------------------

drop table if exists email_sistema;
create table email_sistema (
  id_email_sistema         int(11)       not null,
  id_email_sistema_modulo  varchar(50)   null,
  de                       varchar(250)  not null,
  para                     varchar(250)  not null,
  assunto                  varchar(250)  not null,
  conteudo                 longtext      not null,
  descricao                varchar(250)  not null,
  sin_ativo                char(1)       not null,
  primary key (id_email_sistema)
) engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

insert into email_sistema
  (id_email_sistema, de, para, assunto, conteudo, descricao, sin_ativo)
values
  (1, '@sigla_sistema@ <@email_sistema@>', '@email_usuario@', 'Segundo fator: confirme', 'Confirme em @endereco_ativacao@.', 'Ligar o segundo fator', 'S'),
  (2, '@sigla_sistema@ <@email_sistema@>', '@email_usuario@', 'Segundo fator: desligar', 'Confirme em @endereco_desativacao@.', 'Desligar o segundo fator', 'S'),
  (3, '@sigla_sistema@ <@email_sistema@>', '@email_usuario@', 'Acesso em outro aparelho', 'Não foi você? Bloqueie em @endereco_bloqueio@.', 'Aviso de acesso novo', 'S'),
  (4, '@sigla_sistema@ <@email_sistema@>', '@email_usuario@', 'Conta bloqueada', 'Sua conta em @sigla_sistema@ foi bloqueada.', 'Aviso de bloqueio', 'S');

-- ----------------------------------------------------------------------------------------------------
-- Counters: the next id of a table is the next id of its counter. Below 1000, tarefa and email_sistema are SEI's own.
-- ----------------------------------------------------------------------------------------------------

drop table if exists seq_infra_auditoria;
create table seq_infra_auditoria (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

drop table if exists seq_infra_log;
create table seq_infra_log (id bigint(20) not null auto_increment, campo char(1) null, primary key (id))
  engine=InnoDB default charset=latin1 collate=latin1_swedish_ci;

-- Dump completed
