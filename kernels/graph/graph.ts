import type { Dim } from './dims';
import type { ElementType } from './types';

/**
 * An ONNX graph ready for the runtime: the encoded ModelProto and the shapes of what goes in and comes out.
 * `Graph` has numbers only; `Graph<Dim>` may name dimensions ("n", "past + n") that a run decides.
 */
export interface GraphValue<D extends Dim = number> {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly D[];
}

export interface Graph<D extends Dim = number> {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly inputs: readonly GraphValue<D>[];
  readonly outputs: readonly GraphValue<D>[];
}
