"""What people and other systems reach over HTTP, beside SEI itself; each kind of page is a router of its own."""
