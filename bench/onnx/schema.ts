// The messages of ONNX that an exported net needs, as a .proto text of our own from the public field numbers.

import { compileSchema } from '../../src/frontend/protobuf/schema.js';

const kSchemaText = `
syntax = "proto2";
package onnx;

message AttributeProto {
  enum AttributeType { UNDEFINED = 0; FLOAT = 1; INT = 2; STRING = 3; TENSOR = 4; FLOATS = 6; INTS = 7; }
  optional string name = 1;
  optional float f = 2;
  optional int64 i = 3;
  optional bytes s = 4;
  repeated int64 ints = 8;
  optional AttributeType type = 20;
}

message NodeProto {
  repeated string input = 1 [json_name = "inputs"];
  repeated string output = 2 [json_name = "outputs"];
  optional string name = 3;
  optional string op_type = 4;
  repeated AttributeProto attribute = 5 [json_name = "attributes"];
}

message TensorProto {
  repeated int64 dims = 1;
  optional int32 data_type = 2;
  optional string name = 8;
  optional bytes raw_data = 9;
}

message TensorShapeProto {
  message Dimension { optional int64 dim_value = 1; }
  repeated Dimension dim = 1 [json_name = "dims"];
}

message TypeProto {
  message Tensor {
    optional int32 elem_type = 1;
    optional TensorShapeProto shape = 2;
  }
  optional Tensor tensor_type = 1;
}

message ValueInfoProto {
  optional string name = 1;
  optional TypeProto type = 2;
}

message GraphProto {
  repeated NodeProto node = 1 [json_name = "nodes"];
  optional string name = 2;
  repeated TensorProto initializer = 5 [json_name = "initializers"];
  repeated ValueInfoProto input = 11 [json_name = "inputs"];
  repeated ValueInfoProto output = 12 [json_name = "outputs"];
}

message OperatorSetIdProto {
  optional string domain = 1;
  optional int64 version = 2;
}

message ModelProto {
  optional int64 ir_version = 1;
  optional string producer_name = 2;
  optional GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8 [json_name = "opsetImports"];
}
`;

export const kModelProtoShape = compileSchema(kSchemaText)('ModelProto');

export const kOnnxFloat = 1;
export const kOnnxInt64 = 7;

/** AttributeProto.AttributeType. */
export const kAttributeType = { f: 1, i: 2, s: 3, ints: 7 } as const;
