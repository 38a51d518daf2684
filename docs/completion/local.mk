# SPDX-License-Identifier: MIT
# What shells complete popartctl's command line with, where they look for it by themselves.
# The program prints it, so it has to run here.
if !CROSS_COMPILING
completion_made = docs/completion/popartctl docs/completion/_popartctl
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = docs/completion/popartctl
zshcompletiondir = $(datadir)/zsh/site-functions
zshcompletion_DATA = docs/completion/_popartctl
CLEANFILES += $(completion_made)

complete_with = $(AM_V_GEN)$(MKDIR_P) $(@D) && ./popartctl$(EXEEXT) completion
docs/completion/popartctl: popartctl$(EXEEXT)
	$(complete_with) bash >$@.tmp && mv -f $@.tmp $@
docs/completion/_popartctl: popartctl$(EXEEXT)
	$(complete_with) zsh >$@.tmp && mv -f $@.tmp $@
endif
