"""A stand-in for SEI and SIP, for the lab only.

SEI's own code is property of TRF4 and is not open source: nothing here is copied or derived from it. The stand-in
follows what is documented from the outside (`sei.md`, sections 1.2, 1.3, 2, 4 and 6.2): the tables it reads and writes,
the addresses it answers, the SOAP contracts, the rules of who may work in a unit. It works on each environment's real
databases, so that the rest of Implanta never knows the difference.

What no document says is ours, and another SEI may do it otherwise: the order of the sign-in's checks, the form fields
of the pages after the login page, which `servicos_liberados` a call needs (any), the separators in `servico.servidor`
(spaces, commas, semicolons), that a permission granted by web service reaches SEI without an `id_origem`, and the
values of `participante.sta_participacao`, `procedimento.sta_ouvidoria` and `protocolo.id_protocolo_agrupador`; what
the sign-in page answers in maintenance, when a document or process may be excluded, and that its rows go at once.
"""
