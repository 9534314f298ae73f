/** What a person should know of how the weights of an opened model are held, in sentences. */
import { heldWords, type WeightChoice } from '../../../protocol/inputs/weights';
import type { HeldWeights, DeviceSummary } from '../../../protocol/schema/parts';
import { bytesInWords } from '../../../protocol/wire/words';

/** Half weights on the CPU are worth a word from this share of the memory limit: nobody asks what a small model saves. */
const worthSaying = 0.1;

export interface WeightFacts {
  readonly choice: WeightChoice;
  readonly held: HeldWeights;
  /** As safetensors spells them. */
  readonly dtypes: readonly string[];
  /** As opened. */
  readonly bytes: number;
  readonly limitBytes: number;
  readonly device: Pick<DeviceSummary, 'id' | 'name'>;
}

export function weightNotes({ choice, held, dtypes, bytes, limitBytes, device }: WeightFacts): readonly string[] {
  const onCpu = device.id === 'cpu';
  const taken = bytesInWords(bytes);
  switch (held) {
    case 'q8':
    case 'q4':
      return [
        `Its linear layers are held as ${heldWords[held]}: blocks of 32 numbers with a factor each; embeddings, norms and biases stay exact. All take ${taken}.${onCpu ? ' What goes into a linear layer is rounded to 8 bits as well, in blocks of 32; a number half way between two integers may go to either side, so that other machines give slightly different logits.' : ''}`,
      ];
    case 'float16':
      return [`Its linear layers are held and multiplied in float16 on ${device.name}, and take ${taken}.`];
    case 'float32': {
      const halves = dtypes.filter((dtype) => dtype === 'F16' || dtype === 'BF16');
      const widened = `Its ${halves.join(' and ')} weights are widened to float32 when they are opened, and take ${taken}`;
      if (choice === 'float16') {
        return [
          'The CPU multiplies in float32: float16 weights would save nothing there, so they are exact in float32.',
        ];
      }
      if (halves.length === 0 || (onCpu && bytes < worthSaying * limitBytes)) return [];
      return [
        onCpu
          ? `${widened}: half weights save no memory on the CPU; 8-bit weights do (headscope.compute.weights, --weights q8).`
          : `${widened} on ${device.name}.`,
      ];
    }
  }
}
