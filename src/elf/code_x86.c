/* SPDX-License-Identifier: MIT */
/* code_x86.c - entry and exits of a function for x86-64, by the library Zydis. */
#include <Zydis/Zydis.h>
#include <string.h>

#include "elf/code_body.h"

#define STACK_SLOT 8u
#define NEAR_JCC   0x80 /* second byte: 0f 80 ... 0f 8f */
#define CONDITION  0x0f
#define CODE_WAYS  256u /* instructions that are followed to tell where a jump may lead */

struct instruction {
	ZydisDecodedInstruction in;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	const uint8_t *bytes;
	uint64_t address;
};

static ZydisDecoder new_decoder(void)
{
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return decoder;
}

/* Return: whether it is an instruction. */
static bool decode(const struct code_body *body, const ZydisDecoder *decoder, uint64_t address,
		   struct instruction *ret)
{
	int range = code_range_of(body, address);
	uint64_t at;

	if (range < 0)
		return false;
	at = address - body->request->ranges[range].start;
	ret->address = address;
	ret->bytes = body->bytes[range] + at;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, ret->bytes,
						   code_range_bytes(body, (unsigned)range) - at,
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

static int add_exit(struct code_body *body, const struct instruction *one, struct code_site site)
{
	if (is_refused(one)) {
		code_lack(body->code,
			  "the kernel probes no '%s' with these prefixes, at 0x%" PRIx64,
			  mnemonic(one), one->address);
		return 0;
	}
	site.address = one->address;
	site.step = step_of(one);
	return code_add_exit(body, site);
}

/* A jump to what is in a register or in memory. */
static int take_indirect(struct code_body *body, const struct instruction *one)
{
	const ZydisDecodedOperand *to = &one->operands[0];
	struct code_site site = {
		.base = CODE_NO_REGISTER,
		.index = CODE_NO_REGISTER,
	};

	/* The compiler's promise that it goes through a table of its own. */
	if (one->in.attributes & ZYDIS_ATTRIB_HAS_NOTRACK) {
		body->has_table = true;
		return 0;
	}
	if (to->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		site.kind = CODE_JUMP_REGISTER;
		site.base = register_number(to->reg.value);
		return add_exit(body, one, site);
	}
	if (to->type != ZYDIS_OPERAND_TYPE_MEMORY || to->size != 64 ||
	    to->mem.segment == ZYDIS_REGISTER_FS || to->mem.segment == ZYDIS_REGISTER_GS) {
		code_lack(body->code, "it cannot be told where '%s' at 0x%" PRIx64 " leads",
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

static int take_jump(struct code_body *body, const struct instruction *one)
{
	struct code_site site = { .kind = CODE_JUMP };
	bool is_conditional = one->in.meta.category == ZYDIS_CATEGORY_COND_BR;
	uint64_t to;

	if (!direct_target(one, &to))
		return take_indirect(body, one);
	if (code_range_of(body, to) >= 0)
		return code_add_target(body, to);
	if (is_conditional) {
		site.kind = CODE_JUMP_IF;
		site.is_if = true;
		if (!is_jcc(one, &site.condition)) {
			code_lack(body->code, "'%s' at 0x%" PRIx64 " leads out of it",
				  mnemonic(one), one->address);
			return 0;
		}
	}
	return add_exit(body, one, site);
}

static int take_instruction(struct code_body *body, const struct instruction *one)
{
	switch (one->in.meta.category) {
	case ZYDIS_CATEGORY_RET:
		if (one->in.mnemonic == ZYDIS_MNEMONIC_RET &&
		    one->in.meta.branch_type != ZYDIS_BRANCH_TYPE_FAR)
			return add_exit(body, one, (struct code_site){ .kind = CODE_RETURN });
		code_lack(body->code, "'%s' at 0x%" PRIx64 " is no ordinary return", mnemonic(one),
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

static int sweep(struct code_body *body, unsigned range)
{
	const struct image_range *at = &body->request->ranges[range];
	const ZydisDecoder decoder = new_decoder();
	struct instruction one = { 0 };
	uint64_t address = at->start;
	int err = 0;

	while (!err && address < at->end) {
		if (!decode(body, &decoder, address, &one)) {
			code_lack(body->code, "what is at 0x%" PRIx64 " is no instruction",
				  address);
			return 0;
		}
		code_set_start(body, range, address);
		err = take_instruction(body, &one);
		address += one.in.length;
	}
	if (!err && !is_last(&one) && code_range_of(body, address) < 0)
		code_lack(body->code, "it runs on into what follows it, at 0x%" PRIx64, address);
	return err;
}

/* Whether an instruction writes a register, or a part of it. */
static bool writes(const struct instruction *one, ZydisRegister reg)
{
	for (unsigned i = 0; i < one->in.operand_count; i++)
		if (one->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    one->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     one->operands[i].reg.value) == reg)
			return true;
	return false;
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
		return *pushed >= 0 && *pushed <= CODE_MAX_PUSHED;
	}
	return !writes(one, ZYDIS_REGISTER_RSP);
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

static bool is_jump(const struct instruction *one)
{
	return one->in.meta.category == ZYDIS_CATEGORY_COND_BR ||
	       one->in.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
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
	return !is_refused(one) && !code_is_exit(code, one->address) &&
	       (is_first || step_of(one) != CODE_NOP5);
}

static void choose_entry(struct code_body *body)
{
	struct code *code = body->code;
	uint64_t address = body->request->ranges[0].start, loop = code_first_loop(body);
	const ZydisDecoder decoder = new_decoder();
	struct instruction one = { 0 };
	int64_t pushed = 0;
	bool is_first = true;
	const char *refused = NULL;

	for (unsigned i = 0; i < CODE_PROLOGUE && address < loop; i++) {
		if (!decode(body, &decoder, address, &one))
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
		code_lack(code, "it begins with a loop, so calls and rounds look alike");
	else if (refused)
		code_lack(code, "the kernel probes no '%s' of the kind that it begins with",
			  refused);
	else
		code_lack(code, "it does nothing but leave again, by '%s'", mnemonic(&one));
}

/* Whether what a jump may lead to comes to an address, so that a call may pass there twice; true also where that
 * takes long to find out.
 */
static bool comes_to(const struct code_body *body, uint64_t from, uint64_t to)
{
	const ZydisDecoder decoder = new_decoder();
	uint64_t ways[CODE_WAYS], seen[CODE_WAYS], target;
	struct instruction one;
	size_t left = 1, known = 0;

	ways[0] = from;
	while (left) {
		uint64_t at = ways[--left];
		bool was_there = false;

		for (size_t i = 0; i < known; i++)
			was_there = was_there || seen[i] == at;
		if (at == to || known == CODE_WAYS)
			return true;
		if (was_there || !decode(body, &decoder, at, &one))
			continue;
		seen[known++] = at;
		if (one.in.meta.category == ZYDIS_CATEGORY_RET)
			continue;
		if (left + 2 > CODE_WAYS)
			return true;
		if (is_jump(&one) && direct_target(&one, &target))
			ways[left++] = target;
		if (one.in.meta.category != ZYDIS_CATEGORY_UNCOND_BR)
			ways[left++] = at + one.in.length;
	}
	return false;
}

/* Whether an instruction may take long: it waits for memory, or for the kernel. */
static bool may_last(const struct instruction *one)
{
	if (is_refused(one))
		return true;
	for (unsigned i = 0; i < one->in.operand_count; i++)
		if (one->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    one->operands[i].mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
		    one->in.mnemonic != ZYDIS_MNEMONIC_POP)
			return true;
	return false;
}

/* What an instruction takes off the stack, in front of a return.  Return: whether that is known. */
static bool follow_back(const struct instruction *one, int64_t *popped)
{
	const ZydisDecodedOperand *to = &one->operands[0], *from = &one->operands[1];
	bool is_stack =
		to->type == ZYDIS_OPERAND_TYPE_REGISTER && to->reg.value == ZYDIS_REGISTER_RSP;

	if (one->in.mnemonic == ZYDIS_MNEMONIC_POP && !is_stack) {
		*popped += STACK_SLOT;
		return to->size == 64;
	}
	if (one->in.mnemonic == ZYDIS_MNEMONIC_ADD && is_stack &&
	    from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		*popped += from->imm.value.s;
		return *popped >= 0 && *popped <= CODE_MAX_PUSHED;
	}
	return !writes(one, ZYDIS_REGISTER_RSP);
}

/* Whether a probe here can stand for a return behind it, to which it leads straight. */
static bool can_be_return(const struct code_body *body, const struct instruction *one)
{
	const struct code *code = body->code;
	uint8_t condition;
	uint64_t to;

	if (step_of(one) != CODE_EMULATED || is_refused(one) || code_is_exit(code, one->address) ||
	    (code->has_entry && code->entry.address == one->address))
		return false;
	if (one->in.mnemonic == ZYDIS_MNEMONIC_NOP)
		return true;
	return is_jcc(one, &condition) && direct_target(one, &to) &&
	       !comes_to(body, to, one->address);
}

static bool is_target(const struct code_body *body, uint64_t address)
{
	vec_each(target, &body->targets)
		if (*target == address)
			return true;
	return false;
}

/* Where the last few instructions in front of one begin. */
static uint64_t some_before(const struct code_body *body, uint64_t address)
{
	uint64_t start = body->request->ranges[code_range_of(body, address)].start, found = address;

	for (unsigned i = 0; i < CODE_PROLOGUE && address > start;) {
		address--;
		if (!code_is_start(body, address))
			continue;
		found = address;
		i++;
	}
	return found;
}

/* Another site for a return: a conditional jump in front of it that is not taken, as functions have it that look
 * whether their stack was overwritten.
 */
static void choose_return(const struct code_body *body, struct code_site *site)
{
	const ZydisDecoder decoder = new_decoder();
	uint64_t address = some_before(body, site->address);
	struct code_site cheap = *site;
	struct instruction one;
	int64_t popped = 0;
	bool has = false;

	for (; address < site->address; address += one.in.length) {
		if (!decode(body, &decoder, address, &one))
			return;
		if (is_target(body, address))
			has = false;
		if (can_be_return(body, &one)) {
			has = true;
			popped = 0;
			cheap.address = address;
			cheap.step = CODE_EMULATED;
			cheap.is_if = is_jcc(&one, &cheap.condition);
		} else if (is_branch(&one) || may_last(&one) || !follow_back(&one, &popped) ||
			   (body->request->keeps_arguments && writes(&one, ZYDIS_REGISTER_RAX))) {
			has = false;
		}
	}
	if (!has || is_target(body, site->address))
		return;
	cheap.pushed = (uint32_t)popped;
	*site = cheap;
}

/* Where an indirect jump may lead to is not known, and so not whether it leads in between. */
static void choose_returns(const struct code_body *body)
{
	if (body->has_table)
		return;
	vec_each(exit, &body->code->exits)
		if (exit->kind == CODE_JUMP_REGISTER || exit->kind == CODE_JUMP_MEMORY)
			return;
	vec_each(exit, &body->code->exits)
		if (exit->kind == CODE_RETURN && exit->step == CODE_STEPPED)
			choose_return(body, exit);
}

static void choose(struct code_body *body)
{
	choose_entry(body);
	if (!body->code->lacks[0])
		choose_returns(body);
}

const struct code_processor code_x86 = { sweep, choose };
