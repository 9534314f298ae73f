import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';

const integer = (name: string, i: number) => ({ name, i: BigInt(i), type: 2 });

/** An export whose attention has so many query and key/value heads; it computes nothing. */
export const onnxGraph = (heads: number, kvHeads: number): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      graph: {
        node: [
          {
            name: 'attention',
            opType: 'GroupQueryAttention',
            domain: 'com.microsoft',
            attribute: [integer('num_heads', heads), integer('kv_num_heads', kvHeads)],
          },
        ],
      },
    }),
  );
