/* SPDX-License-Identifier: MIT */
#include "elf/demangle.h"

#include <string.h>

#include "base/clock.h"
#include "base/test.h"

#define LONG_BYTES 3000u

static void reads_what_compilers_write(void **state)
{
	static const char *const pairs[][2] = {
		/* C++ */
		{ "_Z3foov", "foo" },
		{ "_ZN3foo3barEi", "foo::bar" },
		{ "_ZNSt6vectorIiSaIiEE9push_backEOi",
		  "std::vector<int, std::allocator<int> >::push_back" },
		{ "_ZNK4llvm5Value7getNameEv", "llvm::Value::getName" },
		{ "_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run" },
		{ "_ZplRK1AS1_", "operator+" },
		{ "_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()" },
		{ "_ZTV1A", "vtable for A" },
		{ "_ZThn8_N1B1fEv", "non-virtual thunk to B::f()" },
		/* Rust, legacy: the hash at the end goes */
		{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad" },
		{ "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
		  "3bar17h930b740aa94f1d3aE",
		  "<Test + 'static as foo::Bar<Test>>::bar" },
		/* Rust, v0 */
		{ "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
		{ "_RNvMNtCs1234_7mycrate1mNtB2_3Foo3bar", "<mycrate::m::Foo>::bar" },
		{ "_RINvNtC3std3mem8align_ofjE", "std::mem::align_of::<usize>" },
		{ "_RNCNvC4main4main0B3_", "main::main::{closure#0}" },
	};

	(void)state;
	for (size_t i = 0; i < array_len(pairs); i++) {
		char text[256];

		assert_true(demangle(pairs[i][0], text, sizeof(text)));
		assert_string_equal(text, pairs[i][1]);
	}
}

static void leaves_everything_else_alone(void **state)
{
	static const char *const names[] = { "",        "main",  "_start", "_Zebra",
					     "_ZN3foo", "_Z",    "_R",     "_RN",
					     "__Z3foo", "_Z3fo", "Z3foov", "_GLOBAL__sub_I_x",
					     "_Rust" };

	(void)state;
	for (size_t i = 0; i < array_len(names); i++) {
		char text[64] = "before";

		assert_false(demangle(names[i], text, sizeof(text)));
		assert_string_equal(text, "before");
	}
}

static void cuts_what_does_not_fit(void **state)
{
	char text[12];

	(void)state;
	assert_true(demangle("_ZN5outer5inner4lastEv", text, sizeof(text)));
	assert_string_equal(text, "outer::i...");
	assert_true(demangle("_ZN3foo3barEi", text, 9));
	assert_string_equal(text, "foo::bar");
	assert_true(demangle("_ZN3foo3barEi", text, 8));
	assert_string_equal(text, "foo:...");
	assert_false(demangle("_ZN3foo3barEi", text, 3));
}

/* Each S_ repeats what stands before it twice: 2 to the 30th names from 100 letters. */
static void is_not_blown_up(void **state)
{
	char symbol[LONG_BYTES], text[1024];
	uint64_t start = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	size_t len;

	(void)state;
	len = (size_t)sprintf(symbol, "_Z1fI1AE");
	for (unsigned i = 0; i < 30; i++)
		len += (size_t)sprintf(symbol + len, "1BIS%s_S%s_E", i ? "0" : "", i ? "0" : "");
	if (demangle(symbol, text, sizeof(text)))
		assert_true(strlen(text) < sizeof(text));
	/* Pointers to pointers to ...: as deep as it is long. */
	len = (size_t)sprintf(symbol, "_Z1fI");
	memset(symbol + len, 'P', LONG_BYTES - len - 3);
	sprintf(symbol + LONG_BYTES - 3, "vE");
	if (demangle(symbol, text, sizeof(text)))
		assert_true(strlen(text) < sizeof(text));
	len = (size_t)sprintf(symbol, "_RNv");
	memset(symbol + len, 'R', LONG_BYTES - len - 1);
	symbol[LONG_BYTES - 1] = '\0';
	if (demangle(symbol, text, sizeof(text)))
		assert_true(strlen(text) < sizeof(text));
	assert_true(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 5 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_compilers_write),
		cmocka_unit_test(leaves_everything_else_alone),
		cmocka_unit_test(cuts_what_does_not_fit),
		cmocka_unit_test(is_not_blown_up),
	};

	return test_run(tests);
}
