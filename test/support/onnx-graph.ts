import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../kernels/graph/onnx_pb';
import { integerAttribute } from './onnx-values';

/** An export whose attention has so many query and key/value heads, and a vector of so many zeros; it computes nothing. */
export const onnxGraph = (heads: number, kvHeads: number, zeros = 0): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      graph: {
        initializer:
          zeros === 0 ? [] : [{ name: 'w', dims: [BigInt(zeros)], dataType: 1, rawData: new Uint8Array(4 * zeros) }],
        node: [
          {
            name: 'attention',
            opType: 'GroupQueryAttention',
            domain: 'com.microsoft',
            attribute: [integerAttribute('num_heads', heads), integerAttribute('kv_num_heads', kvHeads)],
          },
        ],
      },
    }),
  );
