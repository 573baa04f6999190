"""Records-management instruments: documents that a prefeitura signs, made of templates and of its own data."""
