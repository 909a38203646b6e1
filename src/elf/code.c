/* SPDX-License-Identifier: MIT */
#include "elf/code.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PROLOGUE_MAX 24u /* instructions in which an entry is looked for */
#define PUSHED_MAX   65536u
#define TARGETS_MAX  65536u
#define STACK_SLOT   8u
#define NEAR_JCC     0x80 /* second byte: 0f 80 ... 0f 8f */
#define CONDITION    0x0f

struct body {
	const struct code_request *request;
	uint8_t *bytes[CODE_MAX_RANGES];
	uint8_t *starts[CODE_MAX_RANGES]; /* a bit per byte: an instruction begins there */
	vec(uint64_t) targets;            /* of jumps that stay inside */
	struct code *code;
	ZydisDecoder decoder;
};

struct instruction {
	ZydisDecodedInstruction in;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	const uint8_t *bytes;
	uint64_t address;
};

/* Says what lacks; the first reason stands. */
static void lack(struct code *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void lack(struct code *code, const char *format, ...)
{
	va_list words;

	if (code->lacks[0])
		return;
	va_start(words, format);
	vsnprintf(code->lacks, sizeof(code->lacks), format, words);
	va_end(words);
}

static uint64_t range_bytes(const struct body *body, unsigned range)
{
	return body->request->ranges[range].end - body->request->ranges[range].start;
}

/* Return: the number of the range that holds an address; -1: none. */
static int range_of(const struct body *body, uint64_t address)
{
	for (unsigned i = 0; i < body->request->count; i++)
		if (address >= body->request->ranges[i].start &&
		    address < body->request->ranges[i].end)
			return (int)i;
	return -1;
}

static bool is_start(const struct body *body, uint64_t address)
{
	int range = range_of(body, address);
	uint64_t at = range < 0 ? 0 : address - body->request->ranges[range].start;

	return range >= 0 && body->starts[range][at / 8] >> (at % 8) & 1;
}

/* Return: whether it is an instruction. */
static bool decode(const struct body *body, uint64_t address, struct instruction *ret)
{
	int range = range_of(body, address);
	uint64_t at;

	if (range < 0)
		return false;
	at = address - body->request->ranges[range].start;
	ret->address = address;
	ret->bytes = body->bytes[range] + at;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&body->decoder, ret->bytes,
						   range_bytes(body, (unsigned)range) - at,
						   &ret->in, ret->operands));
}

static const char *mnemonic(const struct instruction *one)
{
	const char *text = ZydisMnemonicGetString(one->in.mnemonic);

	return text ? text : "?";
}

/* Where a direct jump or call leads. */
static bool direct_target(const struct instruction *one, uint64_t *ret)
{
	if (!one->in.operand_count_visible ||
	    one->operands[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
	    !one->operands[0].imm.is_relative)
		return false;
	*ret = one->address + one->in.length + (uint64_t)one->operands[0].imm.value.s;
	return true;
}

/* The kernel refuses these, some of them only when the file is mapped and then in silence. */
static bool is_refused(const struct instruction *one)
{
	const ZyanU64 prefixes = ZYDIS_ATTRIB_HAS_LOCK | ZYDIS_ATTRIB_HAS_SEGMENT_CS |
				 ZYDIS_ATTRIB_HAS_SEGMENT_SS | ZYDIS_ATTRIB_HAS_SEGMENT_DS |
				 ZYDIS_ATTRIB_HAS_SEGMENT_ES | ZYDIS_ATTRIB_HAS_NOTRACK;

	if (one->in.attributes & prefixes)
		return true;
	for (unsigned i = 0; i < one->in.raw.prefix_count; i++)
		switch (one->in.raw.prefixes[i].value) {
		case 0x26: /* es, cs, ss, ds, lock; also where they mean nothing */
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			return true;
		}
	switch (one->in.meta.category) {
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_IO:
	case ZYDIS_CATEGORY_IOSTRINGOP:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_SYSTEM:
		return true;
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
		return one->in.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE;
	default:
		return false;
	}
}

/* arch/x86/kernel/uprobes.c: branch_setup_xol_ops(), push_setup_xol_ops(). */
static enum code_step step_of(const struct instruction *one)
{
	const uint8_t *bytes = one->bytes;

	if (one->in.mnemonic == ZYDIS_MNEMONIC_NOP && one->in.length <= 5)
		return one->in.length == 5 ? CODE_NOP5 : CODE_EMULATED;
	if (one->in.length <= 2 && one->in.mnemonic == ZYDIS_MNEMONIC_PUSH &&
	    ((bytes[0] & 0xf8) == 0x50 || ((bytes[0] & 0xf0) == 0x40 && (bytes[1] & 0xf8) == 0x50)))
		return CODE_EMULATED;
	if (bytes[0] == 0xeb || bytes[0] == 0xe9 || bytes[0] == 0xe8 || (bytes[0] & 0xf0) == 0x70 ||
	    (bytes[0] == 0x0f && (bytes[1] & 0xf0) == NEAR_JCC))
		return CODE_EMULATED;
	return CODE_STEPPED;
}

static bool is_jcc(const struct instruction *one, uint8_t *ret_condition)
{
	const uint8_t *opcode = one->bytes + one->in.raw.prefix_count;

	if ((opcode[0] & 0xf0) == 0x70)
		*ret_condition = opcode[0] & CONDITION;
	else if (opcode[0] == 0x0f && (opcode[1] & 0xf0) == NEAR_JCC)
		*ret_condition = opcode[1] & CONDITION;
	else
		return false;
	return one->in.meta.category == ZYDIS_CATEGORY_COND_BR;
}

static uint8_t register_number(ZydisRegister reg)
{
	ZyanI8 id = ZydisRegisterGetId(reg);

	return reg == ZYDIS_REGISTER_NONE || id < 0 ? CODE_NO_REGISTER : (uint8_t)id;
}

static int add_exit(struct body *body, const struct instruction *one, struct code_site site)
{
	if (body->code->lacks[0])
		return 0;
	if (is_refused(one)) {
		lack(body->code, "the kernel probes no '%s' with these prefixes, at 0x%" PRIx64,
		     mnemonic(one), one->address);
		return 0;
	}
	if (body->code->exits.len == CODE_MAX_EXITS) {
		lack(body->code, "it has more than %u exits", CODE_MAX_EXITS);
		return 0;
	}
	site.address = one->address;
	site.step = step_of(one);
	return vec_push(&body->code->exits, site);
}

/* A jump to what is in a register or in memory. */
static int take_indirect(struct body *body, const struct instruction *one)
{
	const ZydisDecodedOperand *to = &one->operands[0];
	struct code_site site = {
		.base = CODE_NO_REGISTER,
		.index = CODE_NO_REGISTER,
	};

	/* The compiler's promise that it goes through a table of its own. */
	if (one->in.attributes & ZYDIS_ATTRIB_HAS_NOTRACK)
		return 0;
	if (to->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		site.kind = CODE_JUMP_REGISTER;
		site.base = register_number(to->reg.value);
		return add_exit(body, one, site);
	}
	if (to->type != ZYDIS_OPERAND_TYPE_MEMORY || to->size != 64 ||
	    to->mem.segment == ZYDIS_REGISTER_FS || to->mem.segment == ZYDIS_REGISTER_GS) {
		lack(body->code, "it cannot be told where '%s' at 0x%" PRIx64 " leads",
		     mnemonic(one), one->address);
		return 0;
	}
	site.kind = CODE_JUMP_MEMORY;
	site.index = register_number(to->mem.index);
	site.scale = to->mem.scale;
	site.displacement = to->mem.disp.value;
	if (to->mem.base == ZYDIS_REGISTER_RIP)
		site.displacement += (int64_t)(one->address + one->in.length);
	else
		site.base = register_number(to->mem.base);
	return add_exit(body, one, site);
}

static int take_jump(struct body *body, const struct instruction *one)
{
	struct code_site site = { .kind = CODE_JUMP };
	bool is_conditional = one->in.meta.category == ZYDIS_CATEGORY_COND_BR;
	uint64_t to;

	if (!direct_target(one, &to))
		return take_indirect(body, one);
	if (range_of(body, to) >= 0) {
		if (body->targets.len < TARGETS_MAX)
			return vec_push(&body->targets, to);
		lack(body->code, "it has more than %u jumps", TARGETS_MAX);
		return 0;
	}
	if (is_conditional) {
		site.kind = CODE_JUMP_IF;
		site.is_if = true;
		if (!is_jcc(one, &site.condition)) {
			lack(body->code, "'%s' at 0x%" PRIx64 " leads out of it", mnemonic(one),
			     one->address);
			return 0;
		}
	}
	return add_exit(body, one, site);
}

static int take_instruction(struct body *body, const struct instruction *one)
{
	switch (one->in.meta.category) {
	case ZYDIS_CATEGORY_RET:
		if (one->in.mnemonic == ZYDIS_MNEMONIC_RET &&
		    one->in.meta.branch_type != ZYDIS_BRANCH_TYPE_FAR)
			return add_exit(body, one, (struct code_site){ .kind = CODE_RETURN });
		lack(body->code, "'%s' at 0x%" PRIx64 " is no ordinary return", mnemonic(one),
		     one->address);
		return 0;
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
		return take_jump(body, one);
	default:
		return 0;
	}
}

/* Whether the processor never executes what follows; a call as the last thing is one that does not
 * return.
 */
static bool is_last(const struct instruction *one)
{
	return one->in.meta.category == ZYDIS_CATEGORY_RET ||
	       one->in.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
	       one->in.meta.category == ZYDIS_CATEGORY_CALL ||
	       one->in.meta.category == ZYDIS_CATEGORY_INTERRUPT ||
	       one->in.mnemonic == ZYDIS_MNEMONIC_UD2 || one->in.mnemonic == ZYDIS_MNEMONIC_HLT ||
	       one->in.mnemonic == ZYDIS_MNEMONIC_NOP;
}

static int sweep(struct body *body, unsigned range)
{
	const struct image_range *at = &body->request->ranges[range];
	struct instruction one = { 0 };
	uint64_t address = at->start;
	int err = 0;

	while (!err && address < at->end) {
		if (!decode(body, address, &one)) {
			lack(body->code, "what is at 0x%" PRIx64 " is no instruction", address);
			return 0;
		}
		body->starts[range][(address - at->start) / 8] |=
			(uint8_t)(1u << ((address - at->start) % 8));
		err = take_instruction(body, &one);
		address += one.in.length;
	}
	if (!err && !is_last(&one) && range_of(body, address) < 0)
		lack(body->code, "it runs on into what follows it, at 0x%" PRIx64, address);
	return err;
}

static void check_targets(struct body *body)
{
	vec_each(target, &body->targets)
		if (!is_start(body, *target))
			lack(body->code, "0x%" PRIx64 " is jumped to, inside of an instruction",
			     *target);
}

/* What an instruction does to the stack pointer.  Return: whether that is known. */
static bool follow_stack(const struct instruction *one, int64_t *pushed)
{
	const ZydisDecodedOperand *to = &one->operands[0], *by = &one->operands[1];
	bool is_stack =
		to->type == ZYDIS_OPERAND_TYPE_REGISTER && to->reg.value == ZYDIS_REGISTER_RSP;

	if (one->in.mnemonic == ZYDIS_MNEMONIC_PUSH) {
		*pushed += STACK_SLOT;
		return to->size == 64 || to->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	}
	if (one->in.mnemonic == ZYDIS_MNEMONIC_SUB && is_stack &&
	    by->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		*pushed += by->imm.value.s;
		return *pushed >= 0 && *pushed <= PUSHED_MAX;
	}
	for (unsigned i = 0; i < one->in.operand_count; i++)
		if (one->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    one->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     one->operands[i].reg.value) ==
			    ZYDIS_REGISTER_RSP)
			return false;
	return true;
}

/* Registers that can have an argument: of Go, and of the System V ABI. */
static const ZydisRegister go_words[] = {
	ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_RBX, ZYDIS_REGISTER_RCX,
	ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI, ZYDIS_REGISTER_R8,
	ZYDIS_REGISTER_R9,  ZYDIS_REGISTER_R10, ZYDIS_REGISTER_R11,
};
static const ZydisRegister c_words[] = {
	ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI, ZYDIS_REGISTER_RDX,
	ZYDIS_REGISTER_RCX, ZYDIS_REGISTER_R8,  ZYDIS_REGISTER_R9,
};

static bool is_word(const struct code_request *request, ZydisRegister reg)
{
	const ZydisRegister *words = request->restarts ? go_words : c_words;
	size_t count = request->restarts ? array_len(go_words) : array_len(c_words);

	for (size_t i = 0; i < count; i++)
		if (words[i] == reg)
			return true;
	return false;
}

static bool writes_argument(const struct code_request *request, const struct instruction *one)
{
	for (unsigned i = 0; request->keeps_arguments && i < one->in.operand_count; i++) {
		const ZydisDecodedOperand *operand = &one->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    is_word(request, ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
								      operand->reg.value)))
			return true;
	}
	return false;
}

/* The first address that is executed again by a jump back; the entry must lie before it. */
static uint64_t first_loop(const struct body *body)
{
	uint64_t start = body->request->ranges[0].start, first = UINT64_MAX;

	vec_each(target, &body->targets) {
		if (*target == start && body->request->restarts)
			continue;
		if (*target >= start && *target < body->request->ranges[0].end && *target < first)
			first = *target;
	}
	return first;
}

static bool is_exit(const struct code *code, uint64_t address)
{
	vec_each(exit, &code->exits)
		if (exit->address == address)
			return true;
	return false;
}

static void set_entry(struct code *code, const struct instruction *one, int64_t pushed)
{
	code->entry = (struct code_site){
		.address = one->address,
		.kind = CODE_ENTRY,
		.step = step_of(one),
		.pushed = (uint32_t)pushed,
		.base = CODE_NO_REGISTER,
		.index = CODE_NO_REGISTER,
	};
	code->entry.is_if = is_jcc(one, &code->entry.condition);
	code->has_entry = true;
}

static bool is_branch(const struct instruction *one)
{
	switch (one->in.meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_INTERRUPT:
		return true;
	default:
		return false;
	}
}

/* A 5-byte nop is safe to probe only where nothing lies below the stack pointer yet. */
static bool can_be_entry(const struct code *code, const struct instruction *one, bool is_first)
{
	return !is_refused(one) && !is_exit(code, one->address) &&
	       (is_first || step_of(one) != CODE_NOP5);
}

static void choose_entry(struct body *body)
{
	struct code *code = body->code;
	uint64_t address = body->request->ranges[0].start, loop = first_loop(body);
	struct instruction one = { 0 };
	int64_t pushed = 0;
	bool is_first = true;
	const char *refused = NULL;

	for (unsigned i = 0; i < PROLOGUE_MAX && address < loop; i++) {
		if (!decode(body, address, &one))
			break;
		if (!refused && is_refused(&one))
			refused = mnemonic(&one);
		if (can_be_entry(code, &one, is_first) &&
		    (is_first || !code->has_entry || step_of(&one) != CODE_STEPPED)) {
			set_entry(code, &one, pushed);
			code->is_first = is_first;
		}
		is_first = is_first && one.in.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
		if ((code->has_entry && code->entry.step != CODE_STEPPED) || is_branch(&one) ||
		    !follow_stack(&one, &pushed) || writes_argument(body->request, &one))
			break;
		address += one.in.length;
	}
	if (code->has_entry)
		return;
	if (address >= loop)
		lack(code, "it begins with a loop, so calls and rounds look alike");
	else if (refused)
		lack(code, "the kernel probes no '%s' of the kind that it begins with", refused);
	else
		lack(code, "it does nothing but leave again, by '%s'", mnemonic(&one));
}

static int read_bytes(struct body *body, const struct image *image)
{
	for (unsigned i = 0; i < body->request->count; i++) {
		uint64_t bytes = range_bytes(body, i), offset;
		int err;

		if (!image_offset(image, body->request->ranges[i].start, &offset))
			return -ENODATA;
		body->bytes[i] = malloc(bytes);
		body->starts[i] = calloc(1, bytes / 8 + 1);
		if (!body->bytes[i] || !body->starts[i])
			return -ENOMEM;
		err = source_read(&image->source, body->bytes[i], bytes, offset);
		if (err)
			return err;
	}
	return 0;
}

static void body_done(struct body *body)
{
	for (unsigned i = 0; i < CODE_MAX_RANGES; i++) {
		free(body->bytes[i]);
		free(body->starts[i]);
	}
	vec_done(&body->targets);
}

static bool check_sizes(const struct code_request *request, struct code *code)
{
	for (unsigned i = 0; i < request->count; i++) {
		const struct image_range *range = &request->ranges[i];

		if (range->end <= range->start)
			lack(code, "its symbol has no size");
		else if (range->end - range->start > CODE_MAX_BYTES)
			lack(code, "it has more than %u bytes", CODE_MAX_BYTES);
	}
	return !code->lacks[0];
}

int code_examine(const struct image *image, const struct code_request *request,
		 struct code *ret_code)
{
	struct body body = { .request = request, .code = ret_code };
	int err;

	*ret_code = (struct code){ 0 };
	if (image->machine != EM_X86_64)
		return -ENOTSUP;
	if (!check_sizes(request, ret_code))
		return 0;
	ZydisDecoderInit(&body.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	err = read_bytes(&body, image);
	for (unsigned i = 0; !err && i < request->count; i++)
		err = sweep(&body, i);
	if (!err) {
		check_targets(&body);
		choose_entry(&body);
		ret_code->never_returns = !ret_code->exits.len && !ret_code->lacks[0];
	}
	body_done(&body);
	if (err || ret_code->lacks[0])
		vec_done(&ret_code->exits);
	return err;
}

void code_done(struct code *code)
{
	vec_done(&code->exits);
}
