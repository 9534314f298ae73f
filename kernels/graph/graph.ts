/**
 * An ONNX graph ready for the runtime: the encoded ModelProto and the shapes of what goes in and comes out.
 */
export interface GraphValue {
  readonly name: string;
  readonly type: 'float32' | 'float16' | 'int32' | 'int64' | 'bool';
  readonly shape: readonly number[];
}

export interface Graph {
  readonly model: Uint8Array;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
}
