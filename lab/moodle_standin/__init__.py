"""A stand-in for Moodle's REST web services: the three functions by which Implanta learns who finished a course.

Nothing here is copied from Moodle. The stand-in follows what a site documents (*Administração do site > Servidor >
Serviços web > Documentação da API*) and what Moodle's published source declares: parameters in PHP's array notation,
errors with HTTP 200, capabilities of the token's user, fields that are left out. Three things are simpler: it only
answers in JSON, a course is finished the moment its criteria are met (Moodle waits for its cron), and there are no
groups.

`lab up` starts it as a service (`lab.moodle`); tests also start it in their own process (`serving`).
Whoever has the path of its state, from whatever process, enrols people and completes courses (`Store`).
"""
