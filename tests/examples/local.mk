# SPDX-License-Identifier: MIT
EXTRA_DIST += tests/examples/installed.py tests/examples/test-examples.py tests/examples/web.py
if !SANITIZE
TESTS += tests/examples/test-examples.py
endif
