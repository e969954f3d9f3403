// The messages of Caffe2's files, as a .proto text of our own: field numbers as in Caffe2 of 2018 plus the later fields
// up to PyTorch 1.13. `json_name` gives the property in net-def.ts, whose interfaces mirror these messages field by field.
// PlanDef and other training-only messages are left out: readers skip them as unknown fields.

import { compileSchema } from '../protobuf/schema.js';

const kSchemaText = `
syntax = "proto2";
package caffe2;

message TensorProto {
  enum DataType {
    UNDEFINED = 0; FLOAT = 1; INT32 = 2; BYTE = 3; STRING = 4; BOOL = 5; UINT8 = 6; INT8 = 7; UINT16 = 8; INT16 = 9;
    INT64 = 10; FLOAT16 = 12; DOUBLE = 13; ZERO_COLLISION_HASH = 14; REBATCHING_BUFFER = 15;
  }
  message Segment {
    required int64 begin = 1;
    required int64 end = 2;
  }
  repeated int64 dims = 1;
  optional DataType data_type = 2 [default = FLOAT];
  repeated float float_data = 3 [packed = true];
  repeated int32 int32_data = 4 [packed = true];
  optional bytes byte_data = 5;
  repeated bytes string_data = 6;
  optional string name = 7;
  optional DeviceOption device_detail = 8;
  repeated double double_data = 9 [packed = true];
  repeated int64 int64_data = 10 [packed = true];
  optional Segment segment = 11;
  optional bytes raw_data = 13;
  optional uint32 data_format = 15 [default = 0];
}

message QTensorProto {
  repeated int64 dims = 1;
  required int32 precision = 2;
  required double scale = 3;
  required double bias = 4;
  required bool is_signed = 5;
  repeated int32 data = 6 [packed = true];
  optional string name = 7;
  optional TensorProto.DataType data_type = 8 [default = INT32];
  repeated double scales = 9;
  repeated double biases = 10;
  optional int32 axis = 11;
  optional bool is_multiparam = 12;
}

message TensorProtos {
  repeated TensorProto protos = 1;
}

message DeviceOption {
  optional int32 device_type = 1 [default = 0];
  optional int32 cuda_gpu_id = 2 [json_name = "deviceId"];
  optional uint32 random_seed = 3;
  optional string node_name = 4;
  optional int32 numa_node_id = 5;
  repeated string extra_info = 6;
}

message Argument {
  optional string name = 1;
  optional float f = 2;
  optional int64 i = 3;
  optional bytes s = 4;
  repeated float floats = 5;
  repeated int64 ints = 6;
  repeated bytes strings = 7;
  optional NetDef n = 8;
  repeated NetDef nets = 9;
  optional TensorProto t = 10;
  repeated TensorProto tensors = 11;
  repeated QTensorProto qtensors = 12;
}

message OperatorDef {
  repeated string input = 1 [json_name = "inputs"];
  repeated string output = 2 [json_name = "outputs"];
  optional string name = 3;
  optional string type = 4;
  repeated Argument arg = 5 [json_name = "args"];
  optional DeviceOption device_option = 6;
  optional string engine = 7;
  repeated string control_input = 8 [json_name = "controlInputs"];
  optional bool is_gradient_op = 9 [default = false];
  optional string debug_info = 10;
  optional string domain = 11;
  optional int64 op_version = 12;
}

message NetDef {
  optional string name = 1;
  repeated OperatorDef op = 2 [json_name = "ops"];
  optional string type = 3;
  optional int32 num_workers = 4;
  optional DeviceOption device_option = 5;
  repeated Argument arg = 6 [json_name = "args"];
  repeated string external_input = 7 [json_name = "externalInputs"];
  repeated string external_output = 8 [json_name = "externalOutputs"];
}

message BlobProto {
  optional string name = 1;
  optional string type = 2;
  optional TensorProto tensor = 3;
  optional bytes content = 4;
  optional QTensorProto qtensor = 5;
  optional int32 content_num_chunks = 6;
  optional int32 content_chunk_id = 7;
}

message BlobsMap {
  required string key = 1;
  repeated string value = 2 [json_name = "values"];
}

message NetsMap {
  required string key = 1;
  required NetDef value = 2;
}

message ModelInfo {
  optional string project = 1;
  optional string modelClass = 2;
  optional string version = 3;
  optional string predictorType = 4 [default = "SINGLE_PREDICTOR"];
  optional string modelId = 5;
}

message MetaNetDef {
  repeated BlobsMap blobs = 1;
  repeated NetsMap nets = 2;
  optional ModelInfo modelInfo = 3;
}
`;

const findMessage = compileSchema(kSchemaText);

export const kNetDefShape = findMessage('NetDef');
export const kTensorProtoShape = findMessage('TensorProto');
export const kTensorProtosShape = findMessage('TensorProtos');
export const kBlobProtoShape = findMessage('BlobProto');
export const kMetaNetDefShape = findMessage('MetaNetDef');
export const kNetsMapShape = findMessage('NetsMap');
export const kOperatorDefShape = findMessage('OperatorDef');

/** The .proto text itself, for tests that compare with another implementation. */
export const kCaffe2ProtoText = kSchemaText;
