"""The document model as data: what may be written in the catalog, how layers merge, what an instance would change."""
