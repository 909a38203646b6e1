/* SPDX-License-Identifier: MIT */
/* The real table: what every row must keep to. */
#include "cmd/option.h"

#include <ctype.h>
#include <string.h>

#include "base/test.h"

typedef void check_fn(const struct verb *verb, const struct option *option);

static void each_option(check_fn *check)
{
	for (const struct verb *const *verb = verbs; *verb; verb++)
		for (const struct option *option = (*verb)->options; option->name; option++)
			check(*verb, option);
	for (const struct option *option = options_global; option->name; option++)
		check(NULL, option);
}

static bool is_clause(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && !isupper((unsigned char)text[0]) && text[len - 1] != '.' &&
	       !strstr(text, "  ");
}

static void check_shape(const struct verb *verb, const struct option *option)
{
	(void)verb;
	if (strncmp(option->help, "C++", 3) != 0 && strncmp(option->help, "JSON", 4) != 0)
		assert_true(is_clause(option->help));
	assert_non_null(option->group);
	assert_true(option_takes_value(option) == (option->argument != NULL));
	assert_true((option->kind == OPTION_CHOICE) == (option->choices != NULL));
	assert_true(option->min <= option->max);
	assert_false(option->fallback && option->otherwise);
	assert_false(strncmp(option->name, "no-", 3) == 0);
	for (const char *at = option->name; *at; at++)
		assert_true(islower((unsigned char)*at) || isdigit((unsigned char)*at) ||
			    *at == '-');
	for (const struct choice *choice = option->choices; choice && choice->name; choice++)
		assert_true((choice->help != NULL) == (option->choices->help != NULL));
}

static void rows_are_complete(void **state)
{
	(void)state;
	each_option(check_shape);
}

static void check_fallback(const struct verb *verb, const struct option *option)
{
	struct option_reading reading;

	(void)verb;
	if (option->kind == OPTION_SWITCH)
		assert_true(strcmp(option->fallback, "on") == 0 ||
			    strcmp(option->fallback, "off") == 0);
	else if (option->fallback)
		assert_int_equal(option_read(option, option->fallback, &reading), 0);
}

static void fallbacks_are_values(void **state)
{
	(void)state;
	each_option(check_fallback);
}

static size_t count(const struct option *option, const char *spelling)
{
	size_t found = 0;

	for (; option && option->name; option++) {
		char letter[3] = { '-', option->letter, '\0' }, name[80];

		found += strcmp(letter, spelling) == 0;
		snprintf(name, sizeof(name), "--%s", option->name);
		found += strcmp(name, spelling) == 0;
		snprintf(name, sizeof(name), "--no-%s", option->name);
		found += option->kind == OPTION_SWITCH && strcmp(name, spelling) == 0;
		snprintf(name, sizeof(name), "--%s", option->alias ?: "");
		found += option->alias && strcmp(name, spelling) == 0;
		snprintf(name, sizeof(name), "-%s", option->word ?: "");
		found += option->word && strcmp(name, spelling) == 0;
	}
	return found;
}

static void check_unique(const struct verb *verb, const struct option *option)
{
	const char *const spellings[] = { option->name, option->alias, option->word };
	char text[80];

	for (size_t i = 0; i < array_len(spellings); i++) {
		if (!spellings[i])
			continue;
		snprintf(text, sizeof(text), "%s%s", i == 2 ? "-" : "--", spellings[i]);
		assert_int_equal(
			count(verb ? verb->options : NULL, text) + count(options_global, text), 1);
	}
	if (!option->letter)
		return;
	snprintf(text, sizeof(text), "-%c", option->letter);
	assert_int_equal(count(verb ? verb->options : NULL, text) + count(options_global, text), 1);
}

static void spellings_are_unique(void **state)
{
	(void)state;
	each_option(check_unique);
}

static void groups_stand_together(void **state)
{
	(void)state;
	for (const struct verb *const *verb = verbs; *verb; verb++) {
		const struct option *options = (*verb)->options;

		for (size_t i = 1; options[0].name && options[i].name; i++)
			for (size_t j = 0; j + 1 < i; j++)
				assert_false(strcmp(options[j].group, options[i].group) == 0 &&
					     strcmp(options[i - 1].group, options[i].group) != 0);
	}
}

static void verbs_are_complete(void **state)
{
	(void)state;
	assert_non_null(verbs[0]);
	for (size_t i = 0; verbs[i]; i++) {
		assert_true(i == 0 || strcmp(verbs[i - 1]->name, verbs[i]->name) < 0);
		assert_true(is_clause(verbs[i]->help));
		assert_non_null(verbs[i]->run);
		assert_non_null(verbs[i]->synopsis);
		assert_non_null(verbs[i]->about[0]);
		assert_non_null(verbs[i]->examples[0].command);
		for (const struct example *at = verbs[i]->examples; at->command; at++)
			assert_true((strstr(at->command, "kymo ") || /* or asks the daemon */
				     strncmp(at->command, "curl ", 5) == 0) &&
				    is_clause(at->help));
		assert_ptr_equal(verb_find(verbs, verbs[i]->name), verbs[i]);
	}
	assert_null(verb_find(verbs, ""));
	assert_null(verb_find(verbs, "xyzzy"));
}

static void near_words(void **state)
{
	(void)state;
	assert_string_equal(verb_nearest(verbs, "hlep"), "help");
	assert_null(verb_nearest(verbs, "xyzzy"));
	assert_null(verb_nearest(verbs, ""));
	assert_string_equal(option_nearest(NULL, "colour"), "color");
	assert_string_equal(option_nearest(NULL, "vers"), "version");
	assert_null(option_nearest(NULL, "x"));
}

static void details_are_said(void **state)
{
	static const struct choice plain[] = { { "a" }, { "b" }, { 0 } };
	static const struct choice told[] = { { "a", "first" }, { 0 } };
	struct option option = { .name = "x", .kind = OPTION_NUMBER, .min = 1, .max = 9 };
	char text[100];

	(void)state;
	option_detail(&option, text, sizeof(text));
	assert_string_equal(text, "1 to 9");
	option.fallback = "5";
	option_detail(&option, text, sizeof(text));
	assert_string_equal(text, "1 to 9; default: 5");
	option = (struct option){ .kind = OPTION_CHOICE, .choices = plain, .otherwise = "none" };
	option_detail(&option, text, sizeof(text));
	assert_string_equal(text, "one of a, b; default: none");
	option = (struct option){ .kind = OPTION_CHOICE, .choices = told };
	option_detail(&option, text, sizeof(text));
	assert_string_equal(text, "");
	option = (struct option){ .kind = OPTION_DURATION, .min = 1500000000, .max = UINT64_MAX };
	option_range(&option, text, sizeof(text));
	assert_string_equal(text, "at least 1.5s");
	option.min = option.max = 0;
	option_range(&option, text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete),    cmocka_unit_test(fallbacks_are_values),
		cmocka_unit_test(spellings_are_unique), cmocka_unit_test(groups_stand_together),
		cmocka_unit_test(verbs_are_complete),   cmocka_unit_test(near_words),
		cmocka_unit_test(details_are_said),
	};

	return test_run(tests);
}
