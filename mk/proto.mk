# Messages of gRPC: C by protoc-c, and each file's description for server reflection.
PROTOS := src/serve/proto
protos := $(PROTOS)/profiler.proto $(wildcard $(PROTOS)/grpc/*/*/*.proto)
proto_c := $(filter-out %/v1alpha/reflection.proto,$(protos))
proto_objs := $(proto_c:src/%.proto=$(B)/gen/%.pb-c.o)

$(B)/gen/serve/proto/%.pb-c.c $(B)/gen/serve/proto/%.pb-c.h: $(PROTOS)/%.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(PROTOS) --c_out=$(B)/gen/serve/proto $<

$(B)/gen/serve/proto/%.inc: $(PROTOS)/%.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(PROTOS) --descriptor_set_out=$@.set $<
	$(Q)od -An -v -tu1 $@.set | sed 's/ *\([0-9][0-9]*\)/\1,/g' > $@

$(B)/gen/serve/proto/%.pb-c.o: $(B)/gen/serve/proto/%.pb-c.c $(B)/flags
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(DEPEND) -c $< -o $@

generated += $(proto_c:src/%.proto=$(B)/gen/%.pb-c.h) $(protos:src/%.proto=$(B)/gen/%.inc)
