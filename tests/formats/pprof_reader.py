# SPDX-License-Identifier: MIT
"""Reads profile.proto with Google's protobuf library; fields as published in github.com/google/pprof."""
import gzip

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# message: (field, number, type); a star: repeated
MESSAGES = {
    "Profile": [
        ("sample_type*", 1, "ValueType"), ("sample*", 2, "Sample"), ("mapping*", 3, "Mapping"),
        ("location*", 4, "Location"), ("function*", 5, "Function"), ("string_table*", 6, "string"),
        ("drop_frames", 7, "int64"), ("keep_frames", 8, "int64"), ("time_nanos", 9, "int64"),
        ("duration_nanos", 10, "int64"), ("period_type", 11, "ValueType"), ("period", 12, "int64"),
        ("comment*", 13, "int64"), ("default_sample_type", 14, "int64"), ("doc_url", 15, "int64")],
    "ValueType": [("type", 1, "int64"), ("unit", 2, "int64")],
    "Sample": [("location_id*", 1, "uint64"), ("value*", 2, "int64"), ("label*", 3, "Label")],
    "Label": [("key", 1, "int64"), ("str", 2, "int64"), ("num", 3, "int64"), ("num_unit", 4, "int64")],
    "Mapping": [
        ("id", 1, "uint64"), ("memory_start", 2, "uint64"), ("memory_limit", 3, "uint64"),
        ("file_offset", 4, "uint64"), ("filename", 5, "int64"), ("build_id", 6, "int64"),
        ("has_functions", 7, "bool"), ("has_filenames", 8, "bool"), ("has_line_numbers", 9, "bool"),
        ("has_inline_frames", 10, "bool")],
    "Location": [
        ("id", 1, "uint64"), ("mapping_id", 2, "uint64"), ("address", 3, "uint64"),
        ("line*", 4, "Line"), ("is_folded", 5, "bool")],
    "Line": [("function_id", 1, "uint64"), ("line", 2, "int64"), ("column", 3, "int64")],
    "Function": [
        ("id", 1, "uint64"), ("name", 2, "int64"), ("system_name", 3, "int64"),
        ("filename", 4, "int64"), ("start_line", 5, "int64")],
}


def profile_class():
    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", package="perftools.profiles",
                                              syntax="proto3")
    field_type = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        entry = file.message_type.add(name=message)
        for name, number, kind in fields:
            field = entry.field.add(name=name.rstrip("*"), number=number)
            field.label = field_type.LABEL_REPEATED if name.endswith("*") else field_type.LABEL_OPTIONAL
            if kind in MESSAGES:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".perftools.profiles.{kind}"
            else:
                field.type = getattr(field_type, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("perftools.profiles.Profile")
    return message_factory.MessageFactory(pool).GetPrototype(found)


def parse(data):
    profile = profile_class()()
    profile.ParseFromString(gzip.decompress(data))
    return profile
