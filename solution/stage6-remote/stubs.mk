# stubs.mk - stub_gen, and what it makes of stubs.tmpl.
