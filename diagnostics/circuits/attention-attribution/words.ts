import type { StreamPart } from './stream-parts';

/** `L1H0`, `L1 MLP`, `token embedding` */
export function partWords({ kind, layer, head }: StreamPart): string {
  switch (kind) {
    case 'token':
      return 'token embedding';
    case 'position':
      return 'position embedding';
    case 'embedding':
      return 'embedding';
    case 'head':
      return `L${layer}H${head}`;
    case 'mlp':
      return `L${layer} MLP`;
    case 'bias':
      return 'biases';
    case 'replaced':
      return 'interventions';
  }
}

/** The same with the heads of a layer together. */
export const groupOf = (part: StreamPart): string => (part.kind === 'head' ? `L${part.layer} heads` : partWords(part));
