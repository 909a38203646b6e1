/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include <string.h>

#include "base/error.h"
#include "base/toml.h"

struct list {
	char text[1024];
};

/* "a.b key=1 ..." */
static int note(void *context, const struct toml_item *item)
{
	struct list *list = context;
	size_t len = strlen(list->text);
	char *at = list->text + len;
	size_t room = sizeof(list->text) - len;
	char value[256] = "[]";

	if (item->kind == TOML_TEXT)
		snprintf(value, sizeof(value), "'%s'", item->text);
	else if (item->kind == TOML_INTEGER)
		snprintf(value, sizeof(value), "%ld", (long)item->integer);
	else if (item->kind == TOML_FLOAT)
		snprintf(value, sizeof(value), "%g", item->decimal);
	else if (item->kind == TOML_BOOL)
		strcpy(value, item->flag ? "on" : "off");
	if (item->index >= 0)
		snprintf(at, room, "%s.%s[%d]=%s ", item->table, item->key, item->index, value);
	else
		snprintf(at, room, "%s.%s=%s ", item->table, item->key, value);
	return 0;
}

static void read_as(const char *text, const char *wanted)
{
	struct list list = { "" };

	assert_int_equal(toml_read(text, strlen(text), "x.toml", note, &list), 0);
	assert_string_equal(list.text, wanted);
}

static void refused(const char *text, const char *wanted)
{
	struct list list = { "" };

	assert_int_equal(toml_read(text, strlen(text), "x.toml", note, &list), -EINVAL);
	assert_string_equal(error_text(), wanted);
}

static void values_of_every_kind(void **state)
{
	(void)state;
	read_as("", "");
	read_as("# nothing\n\n", "");
	read_as("a=1\r\nb = -2 # two\n[t]\nc=true\nd = false", ".a=1 .b=-2 t.c=on t.d=off ");
	read_as("x = 1_000\ny=0xff\nz=0b101\nw=0o17\n", ".x=1000 .y=255 .z=5 .w=15 ");
	read_as("x = 0.5\ny = -1e3\nz = 1_0.5", ".x=0.5 .y=-1000 .z=10.5 ");
	read_as("[a . \"b\"]\nc.d = 'x'", "a.b.c.d='x' ");
	read_as("l = [1, 2,\n  3, # three\n]\nm=[]", ".l[0]=1 .l[1]=2 .l[2]=3 .m[0]=[] ");
	read_as("l = [\"a\", 'b']", ".l[0]='a' .l[1]='b' ");
}

static void strings_of_every_kind(void **state)
{
	(void)state;
	read_as("s = \"a\\tb\\u00e9\\\\\"", ".s='a\tb\xc3\xa9\\' ");
	read_as("s = 'a\\tb'", ".s='a\\tb' ");
	read_as("s = \"\"\"\nx\ny\"\"\"", ".s='x\ny' ");
	read_as("s = \"\"\"x\\\n   y\"\"\"", ".s='xy' ");
	read_as("s = '''a'b'''", ".s='a'b' ");
	read_as("s = \"\"\"a\"\"\"\"", ".s='a\"' ");
	read_as("s = \"\"", ".s='' ");
}

static void errors_name_their_place(void **state)
{
	(void)state;
	refused("[s]\nport = 80\nport = 81\n", "x.toml:3:6: this key was there before");
	refused("[s]\n[s]\n", "x.toml:2:3: this table was there before");
	refused("a = ", "x.toml:1:5: a value should stand here");
	refused("a = \"x\n", "x.toml:1:7: a control character in a string");
	refused("a = \"x", "x.toml:1:7: the string does not end");
	refused("a = 1 2", "x.toml:1:7: something stands behind the value");
	refused("a", "x.toml:1:2: a '=' should stand here");
	refused("= 1", "x.toml:1:1: a key should stand here");
	refused("a = 1979-05-27T07:32:00Z", "x.toml:1:5: dates are not used here");
	refused("a = {b = 1}", "x.toml:1:5: inline tables are not used here");
	refused("[[a]]", "x.toml:1:2: arrays of tables are not used here");
	refused("a = 99999999999999999999", "x.toml:1:5: this number is too large");
	refused("a = 007", "x.toml:1:5: a number does not begin with 0");
	refused("a = 1__0", "x.toml:1:5: a '_' may only stand between digits");
	refused("a = yes", "x.toml:1:5: this is no value");
	refused("a = \"\\q\"", "x.toml:1:7: no such escape");
	refused("a = [1 2]", "x.toml:1:8: a ',' or ']' should stand here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_every_kind),
		cmocka_unit_test(strings_of_every_kind),
		cmocka_unit_test(errors_name_their_place),
	};

	return test_run(tests);
}
