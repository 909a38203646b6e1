/* SPDX-License-Identifier: MIT */
/* Parsing, with a table of its own that has every kind of option. */
#include "cmd/arguments.h"

#include <string.h>

#include "base/error.h"
#include "base/test.h"

static const struct choice shapes[] = { { "round" }, { "square" }, { "long-word" }, { 0 } };

static const struct option options[] = {
	{ .name = "flag", .letter = 'f', .help = "x", .group = "A" },
	{ .name = "other", .letter = 'o', .word = "oo", .help = "x", .group = "A" },
	{ .name = "inline", .kind = OPTION_SWITCH, .fallback = "on", .help = "x", .group = "A" },
	{ .name = "number",
	  .letter = 'n',
	  .kind = OPTION_NUMBER,
	  .word = "num",
	  .alias = "count",
	  .min = 1,
	  .max = 100,
	  .fallback = "42",
	  .argument = "N",
	  .help = "x",
	  .group = "A" },
	{ .name = "list",
	  .letter = 'l',
	  .kind = OPTION_NUMBERS,
	  .min = 1,
	  .max = 99,
	  .argument = "N[,N...]",
	  .excludes = "set",
	  .help = "x",
	  .group = "A" },
	{ .name = "share",
	  .kind = OPTION_DECIMAL,
	  .max = 100,
	  .argument = "PCT",
	  .help = "x",
	  .group = "A" },
	{ .name = "time",
	  .kind = OPTION_DURATION,
	  .min = 1000000,
	  .max = UINT64_MAX,
	  .argument = "T",
	  .help = "x",
	  .group = "A" },
	{ .name = "size",
	  .kind = OPTION_BYTES,
	  .min = 4096,
	  .max = 1 << 20,
	  .argument = "S",
	  .help = "x",
	  .group = "A" },
	{ .name = "shape",
	  .kind = OPTION_CHOICE,
	  .choices = shapes,
	  .argument = "SHAPE",
	  .help = "x",
	  .group = "A" },
	{ .name = "text",
	  .letter = 't',
	  .kind = OPTION_TEXT,
	  .argument = "TEXT",
	  .excludes = "set",
	  .help = "the text",
	  .group = "A" },
	{ 0 },
};

static const struct verb command = {
	.name = "command",
	.options = options,
	.operands = OPERANDS_COMMAND,
	.operands_exclude = "set",
};
static const struct verb words = {
	.name = "words", .options = options, .operands = OPERANDS_WORDS, .operands_max = 2
};
static const struct verb none = { .name = "none", .options = options };
static const struct verb *const table[] = { &command, &none, &words, NULL };

#define parse(arguments, ...) \
	arguments_parse(arguments, table, (char *[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* What a wrong command line is answered. */
#define refused(text, remedy, ...)                                          \
	do {                                                                \
		struct arguments wrong;                                     \
		assert_int_equal(parse(&wrong, __VA_ARGS__), -ERROR_USAGE); \
		assert_string_equal(error_text(), text);                    \
		assert_string_equal(error_hint(), remedy);                  \
		arguments_done(&wrong);                                     \
	} while (0)

static void nothing_given(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "none"), 0);
	assert_ptr_equal(arguments.verb, &none);
	assert_false(arguments_has(&arguments, "number"));
	assert_false(arguments_flag(&arguments, "flag"));
	assert_true(arguments_flag(&arguments, "inline"));
	assert_int_equal(arguments_number(&arguments, "number"), 42);
	assert_int_equal(arguments_number(&arguments, "time"), 0);
	assert_true(arguments_decimal(&arguments, "share") == 0);
	assert_null(arguments_text(&arguments, "text"));
	assert_null(arguments_text(&arguments, "shape"));
	assert_null(arguments_next(&arguments, "list", NULL));
	assert_string_equal(arguments_text(&arguments, "color"), "auto");
	arguments_done(&arguments);
}

static void long_options(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "none", "--number", "7", "--text=a=b", "--flag",
			       "--no-inline", "--share", "12.5", "--time=100ms", "--size", "64K",
			       "--shape", "square"),
			 0);
	assert_int_equal(arguments_number(&arguments, "number"), 7);
	assert_string_equal(arguments_text(&arguments, "text"), "a=b");
	assert_true(arguments_flag(&arguments, "flag"));
	assert_false(arguments_flag(&arguments, "inline"));
	assert_true(arguments_decimal(&arguments, "share") == 12.5);
	assert_int_equal(arguments_number(&arguments, "time"), 100000000);
	assert_int_equal(arguments_number(&arguments, "size"), 65536);
	assert_string_equal(arguments_text(&arguments, "shape"), "square");
	arguments_done(&arguments);
}

static void short_options(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "none", "-f", "-n", "7", "-tword"), 0);
	assert_true(arguments_flag(&arguments, "flag"));
	assert_int_equal(arguments_number(&arguments, "number"), 7);
	assert_string_equal(arguments_text(&arguments, "text"), "word");
	arguments_done(&arguments);

	assert_int_equal(parse(&arguments, "none", "-fon8"), 0);
	assert_true(arguments_flag(&arguments, "flag"));
	assert_true(arguments_flag(&arguments, "other"));
	assert_int_equal(arguments_number(&arguments, "number"), 8);
	arguments_done(&arguments);

	assert_int_equal(parse(&arguments, "none", "-fn", "9"), 0);
	assert_int_equal(arguments_number(&arguments, "number"), 9);
	arguments_done(&arguments);
}

/* "-num" is one word, although -n takes a value, and "-oo" is not -o twice. */
static void whole_words_come_first(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "none", "-num", "7", "-oo"), 0);
	assert_int_equal(arguments_number(&arguments, "number"), 7);
	assert_true(arguments_flag(&arguments, "other"));
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "-num=8"), 0);
	assert_int_equal(arguments_number(&arguments, "number"), 8);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "--count", "9"), 0);
	assert_int_equal(arguments_number(&arguments, "number"), 9);
	arguments_done(&arguments);
	refused("'-n um7' is not a whole number", "N is 1 to 100", "none", "-num7");
}

static void the_last_one_stands(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "none", "-n1", "--no-inline", "-n2", "--inline"), 0);
	assert_int_equal(arguments_number(&arguments, "number"), 2);
	assert_true(arguments_flag(&arguments, "inline"));
	arguments_done(&arguments);
}

static void lists_add_up(void **state)
{
	static const uint64_t expected[] = { 3, 1, 2, 99 };
	const struct argument *argument = NULL;
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "none", "-l", "3,1", "--list=2", "-n1", "-l99"), 0);
	for (size_t i = 0; i < array_len(expected); i++) {
		argument = arguments_next(&arguments, "list", argument);
		assert_non_null(argument);
		assert_int_equal(argument->value.number, expected[i]);
	}
	assert_null(arguments_next(&arguments, "list", argument));
	arguments_done(&arguments);
	refused("'-l 1,,2' is not a list of whole numbers", "N[,N...] is 1 to 99", "none", "-l",
		"1,,2");
	refused("'-l 1,' is not a list of whole numbers", "N[,N...] is 1 to 99", "none", "-l1,");
	refused("'-l ,' is not a list of whole numbers", "N[,N...] is 1 to 99", "none", "-l,");
	refused("'-l 5,100' is out of range", "N[,N...] is 1 to 99", "none", "-l", "5,100");
	refused("'-l -1' is not a list of whole numbers", "N[,N...] is 1 to 99", "none", "-l",
		"-1");
}

static void global_options_stand_anywhere(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "--color", "never", "none", "-f"), 0);
	assert_string_equal(arguments_text(&arguments, "color"), "never");
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "-f", "--color=always"), 0);
	assert_string_equal(arguments_text(&arguments, "color"), "always");
	arguments_done(&arguments);
	refused("unknown option '--flag'", "'kymo --help' lists verbs and options", "--flag",
		"none");
}

static void help_and_version(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "--help"), ARGUMENTS_HELP);
	assert_null(arguments.verb);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "-V", "nonsense"), ARGUMENTS_VERSION);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "-fh", "--nonsense"), ARGUMENTS_HELP);
	assert_ptr_equal(arguments.verb, &none);
	arguments_done(&arguments);
	refused("unknown option '--nonsense'", "'kymo none --help' lists its options", "none",
		"--nonsense", "--help");
}

static void a_command_stands_behind_two_dashes(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "command", "-f", "--", "ls", "-l", "--", "x"), 0);
	assert_true(arguments.has_command);
	assert_int_equal(arguments.operands.len, 4);
	assert_string_equal(arguments.operands.data[0], "ls");
	assert_string_equal(arguments.operands.data[1], "-l");
	assert_string_equal(arguments.operands.data[2], "--");
	assert_null(arguments.operands.data[4]);
	assert_false(arguments_has(&arguments, "list"));
	arguments_done(&arguments);

	assert_int_equal(parse(&arguments, "command"), 0);
	assert_false(arguments.has_command);
	assert_null(arguments.operands.data[0]);
	arguments_done(&arguments);

	refused("no command behind '--'", "'kymo command --help' lists its options", "command",
		"--");
	refused("unexpected 'ls'", "a command stands behind '--': kymo command -- ls", "command",
		"ls", "-l");
	refused("unexpected '-'", "a command stands behind '--': kymo command -- -", "command",
		"-");
}

static void words_stand_anywhere(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(parse(&arguments, "words", "a", "-f", "b"), 0);
	assert_int_equal(arguments.operands.len, 2);
	assert_string_equal(arguments.operands.data[1], "b");
	assert_true(arguments_flag(&arguments, "flag"));
	assert_false(arguments.has_command);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "words", "--", "-f", "--"), 0);
	assert_string_equal(arguments.operands.data[0], "-f");
	assert_string_equal(arguments.operands.data[1], "--");
	assert_false(arguments_flag(&arguments, "flag"));
	arguments_done(&arguments);
	refused("unexpected 'c'", "'kymo words --help' lists its options", "words", "a", "b", "c");
	refused("unexpected 'a'", "'kymo none --help' lists its options", "none", "a");
	refused("unexpected 'a'", "'kymo none --help' lists its options", "none", "--", "a");
}

static void what_excludes_each_other(void **state)
{
	struct arguments arguments;

	(void)state;
	refused("'--list' and '--text' cannot go together", "'kymo none --help' lists its options",
		"none", "-l1", "-tx");
	refused("'--text' and a command cannot go together",
		"'kymo command --help' lists its options", "command", "-tx", "--", "ls");
	assert_int_equal(parse(&arguments, "none", "-l1", "-l2"), 0);
	arguments_done(&arguments);
}

static void wrong_values(void **state)
{
	(void)state;
	refused("'--number abc' is not a whole number", "N is 1 to 100", "none", "--number", "abc");
	refused("'-n 0' is out of range", "N is 1 to 100", "none", "-n0");
	refused("'-num 101' is out of range", "N is 1 to 100", "none", "-num=101");
	refused("'--time 1us' is out of range", "T is at least 0.001s", "none", "--time=1us");
	refused("'--time soon' is not a time span", "T is at least 0.001s", "none", "--time",
		"soon");
	refused("'--size 2M' is out of range", "S is 4096 to 1048576", "none", "--size", "2M");
	refused("'--share 101' is out of range", "PCT is 0 to 100", "none", "--share", "101");
	refused("unknown shape 'squares'",
		"did you mean 'square'? SHAPE is one of round, square, long-word", "none",
		"--shape", "squares");
	refused("unknown shape 'oval'", "SHAPE is one of round, square, long-word", "none",
		"--shape", "oval");
	refused("'--text' needs a value", "'--text TEXT': the text", "none", "--text");
	refused("'-t' needs a value", "'-t TEXT': the text", "none", "-ft");
	refused("'--text' needs a value", "'--text TEXT': the text", "none", "--text=");
	refused("'--flag' takes no value", "'kymo none --help' lists its options", "none",
		"--flag=1");
	refused("'--inline' takes no value", "'kymo none --help' lists its options", "none",
		"--inline=no");
}

static void unknown_words(void **state)
{
	(void)state;
	refused("unknown verb 'comand'", "did you mean 'kymo command'?", "comand");
	refused("unknown verb 'xyzzy'", "'kymo --help' lists verbs and options", "xyzzy");
	refused("no verb is given", "'kymo --help' lists verbs and options", "--color", "auto");
	refused("unknown verb '-'", "'kymo --help' lists verbs and options", "-");
	refused("unknown option '--numbr'", "did you mean '--number'?", "none", "--numbr=7");
	refused("unknown option '--nu'", "did you mean '--number'?", "none", "--nu");
	refused("unknown option '--xyzzy'", "'kymo none --help' lists its options", "none",
		"--xyzzy");
	refused("unknown option '-x'", "'kymo none --help' lists its options", "none", "-fx");
	refused("unknown option '-shape'", "did you mean '--shape'?", "none", "-shape");
	refused("unknown option '--no-flag'", "'kymo none --help' lists its options", "none",
		"--no-flag");
	refused("unknown option '--'", "'kymo --help' lists verbs and options", "--");
	refused("unknown option '--'", "'kymo none --help' lists its options", "none", "--=x");
}

static void long_words_do_no_harm(void **state)
{
	char word[5000];
	struct arguments arguments;

	(void)state;
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	word[0] = word[1] = '-';
	assert_int_equal(parse(&arguments, "none", word), -ERROR_USAGE);
	arguments_done(&arguments);
	word[1] = 'x';
	assert_int_equal(parse(&arguments, "none", word), -ERROR_USAGE);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, word + 1), -ERROR_USAGE);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "--shape", word), -ERROR_USAGE);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "-l", word), -ERROR_USAGE);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, "none", "-t", word), 0);
	assert_string_equal(arguments_text(&arguments, "text"), word);
	arguments_done(&arguments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(long_options),
		cmocka_unit_test(short_options),
		cmocka_unit_test(whole_words_come_first),
		cmocka_unit_test(the_last_one_stands),
		cmocka_unit_test(lists_add_up),
		cmocka_unit_test(global_options_stand_anywhere),
		cmocka_unit_test(help_and_version),
		cmocka_unit_test(a_command_stands_behind_two_dashes),
		cmocka_unit_test(words_stand_anywhere),
		cmocka_unit_test(what_excludes_each_other),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(unknown_words),
		cmocka_unit_test(long_words_do_no_harm),
	};

	return test_run(tests);
}
