# SPDX-License-Identifier: MIT
# What shells complete command lines with, where they look for it by themselves.
# popartctl prints its own, so it has to run here.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
dist_bashcompletion_DATA = docs/completion/popart-module-check
dist_zshcompletion_DATA = docs/completion/_popart-module-check
if !CROSS_COMPILING
completion_made = docs/completion/popartctl docs/completion/_popartctl
bashcompletion_DATA = docs/completion/popartctl
zshcompletion_DATA = docs/completion/_popartctl
CLEANFILES += $(completion_made)

complete_with = $(AM_V_GEN)$(MKDIR_P) $(@D) && ./popartctl$(EXEEXT) completion
docs/completion/popartctl: popartctl$(EXEEXT)
	$(complete_with) bash >$@.tmp && mv -f $@.tmp $@
docs/completion/_popartctl: popartctl$(EXEEXT)
	$(complete_with) zsh >$@.tmp && mv -f $@.tmp $@
endif
