# SPDX-License-Identifier: MIT
"""Messages of gRPC, written down from the field tables of the contract, for a client that is not ours."""
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

KINDS = {"int32": 5, "int64": 3, "uint64": 4, "bool": 8, "string": 9, "bytes": 12, "message": 11, "enum": 14}
PROFILER = {
    "StartProfilingRequest": ["int32 process_id", "int32 duration_seconds", "int32 frequency"],
    "StartProfilingResponse": ["bool success", "string message", "string session_id"],
    "GetProfilingResultsRequest": ["string session_id"],
    "ProfilingResultsChunk": ["bytes data", "bool is_final", "int32 chunk_index", "int64 timestamp"],
    "GetStatusRequest": [],
    "GetStatusResponse": ["bool healthy", "string version", "int32 active_sessions", "string message"],
    "CancelSessionRequest": ["string session_id"],
    "CancelSessionResponse": [],
    "ListSessionsRequest": [],
}


def build(package, messages):
    """Classes by name."""
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields, 1):
            kind, _, key = field.partition(" ")
            message.field.add(name=key, number=number, type=KINDS[kind], label=1)
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(f"{package}.{name}"))
            for name in messages}


class Profiler:
    """A client of profiler.ProfilerService at a channel of grpcio."""

    def __init__(self, channel, **words):
        self.kinds = build("profiler", PROFILER)
        self.channel, self.words = channel, words

    def unary(self, method, request, answer, service="ProfilerService", **words):
        kind = self.kinds[answer] if isinstance(answer, str) else answer
        call = self.channel.unary_unary(f"/profiler.{service}/{method}",
                                        request_serializer=lambda one: one.SerializeToString(),
                                        response_deserializer=kind.FromString)
        return call(request, **{"timeout": 60, **self.words, **words})

    def start(self, process_id=0, duration_seconds=0, frequency=0):
        return self.unary("StartProfiling", self.kinds["StartProfilingRequest"](
            process_id=process_id, duration_seconds=duration_seconds, frequency=frequency),
            "StartProfilingResponse")

    def status(self, **words):
        return self.unary("GetStatus", self.kinds["GetStatusRequest"](), "GetStatusResponse", **words)

    def results(self, session_id, **words):
        call = self.channel.unary_stream("/profiler.ProfilerService/GetProfilingResults",
                                         request_serializer=lambda one: one.SerializeToString(),
                                         response_deserializer=self.kinds["ProfilingResultsChunk"].FromString)
        return call(self.kinds["GetProfilingResultsRequest"](session_id=session_id),
                    **{"timeout": 60, **self.words, **words})

    def cancel(self, session_id):
        return self.unary("CancelSession", self.kinds["CancelSessionRequest"](session_id=session_id),
                          "CancelSessionResponse", "SessionService")
