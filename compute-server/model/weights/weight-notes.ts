/** What a person should know about how the weights of an opened model are held, in sentences. */
import { heldWords, type WeightChoice } from '../../../protocol/inputs/weights';
import type { HeldWeights, DeviceSummary } from '../../../protocol/schema/parts';
import { bytesInWords } from '../../../protocol/wire/words';
import type { Encoded } from './tensor-source';

/** Half weights on the CPU are worth a word from this share of the memory limit: nobody asks what a small model saves. */
const worthSaying = 0.1;

export interface WeightFacts {
  readonly choice: WeightChoice;
  readonly held: HeldWeights;
  /** As safetensors spells them. */
  readonly dtypes: readonly string[];
  /** Tensors that are quantised in their files. */
  readonly encoded: readonly Encoded[];
  /** As opened. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** `besideCpu`: some of the layers are on the CPU. */
  readonly device: Pick<DeviceSummary, 'id' | 'name'> & { readonly besideCpu?: boolean };
}

export function weightNotes(facts: WeightFacts): readonly string[] {
  const { choice, held, dtypes, encoded, bytes, limitBytes, device } = facts;
  const onCpu = device.id === 'cpu';
  const taken = bytesInWords(bytes);
  switch (held) {
    case 'q8':
    case 'q4':
      return [
        `Its linear layers are held as ${heldWords[held]}: blocks of 32 numbers with a factor each; embeddings, norms and biases stay exact. All take ${taken}.${onCpu ? ' What goes into a linear layer is rounded to 8 bits as well, in blocks of 32. A number halfway between two integers may be rounded up or down, so logits differ slightly from machine to machine.' : ''}`,
      ];
    case 'float16':
      return [
        `Its linear layers are held and multiplied in float16 on ${device.name}${device.besideCpu ? ', and in float32 on the CPU' : ''}, and take ${taken}.`,
      ];
    case 'int8-activations':
      if (encoded.every((one) => !isCoded(one)))
        return [
          `${multipliedAsStored(encoded)} None is multiplied in integers, so nothing is rounded. All take ${taken}.`,
        ];
      return [
        `${multipliedAsStored(encoded)} The inputs of such products are rounded to 8 bits, in blocks of numbers that share a scale, as llama.cpp does. A number halfway between two integers may be rounded up or down, so logits differ slightly from machine to machine. All take ${taken}.`,
      ];
    case 'float32': {
      if (encoded.length > 0) return quantisedNotes(facts);
      const halves = dtypes.filter((dtype) => dtype === 'F16' || dtype === 'BF16');
      const widened = `Its ${halves.join(' and ')} weights are widened to float32 when they are opened, and take ${taken}`;
      if (choice === 'float16') {
        return [
          'The CPU multiplies in float32: float16 weights would save nothing there, so they are exact in float32.',
        ];
      }
      if (choice === 'int8-activations' && onCpu)
        return [
          'Its weights are floats and run exactly: int8-activations is for weights that are quantised in their file.',
        ];
      if (halves.length === 0 || (onCpu && bytes < worthSaying * limitBytes)) return [];
      return [
        onCpu
          ? `${widened}: half weights save no memory on the CPU; 8-bit weights do (headscope.compute.weights, --weights q8).`
          : `${widened} on ${device.name}${device.besideCpu ? ' and the CPU' : ''}.`,
      ];
    }
  }
}

const namesOf = (tensors: readonly Encoded[]): string =>
  [...new Set(tensors.map(({ encoded }) => encoded.format.name))].join(', ');

const isCoded = ({ encoded }: Encoded): boolean => encoded.format.decoder.kind === 'exact';

/** What an adapter makes of them is named so. */
const isOfFloats = ({ encoded }: Encoded): boolean => /^(F32|F16|BF16) \+ /.test(encoded.format.name);

/** Held in their codes or in float16, and widened while they are multiplied. */
const isNarrow = ({ encoded: { format } }: Encoded): boolean =>
  format.decoder.kind === 'table' || format.decoder.kind === 'halves';

function multipliedAsStored(encoded: readonly Encoded[]): string {
  const [coded, narrow] = [encoded.filter(isCoded), encoded.filter(isNarrow)];
  const wide = encoded.filter((one) => !isCoded(one) && !isNarrow(one));
  const parts = [
    ...(coded.length > 0 ? [`${namesOf(coded)} weights are multiplied as they are stored`] : []),
    ...(narrow.length > 0 ? [`${namesOf(narrow)} weights are widened to float32 while they are multiplied`] : []),
    ...(wide.length > 0 ? [`${namesOf(wide)} weights are widened to float32`] : []),
  ];
  return `Its ${parts.join('; its ')}.`;
}

/** For quantised weights that run exactly: how they are multiplied, and that a choice for float weights does not change them. */
function quantisedNotes({ choice, encoded, bytes, device }: WeightFacts): readonly string[] {
  const taken = `All take ${bytesInWords(bytes)}.`;
  return [
    device.id === 'cpu'
      ? `${multipliedAsStored(encoded)} ${encoded.every(isCoded) ? 'Nothing is rounded' : 'A number that has more digits than float32 is rounded to it; nothing else is'}. ${taken}`
      : `Its ${namesOf(encoded)} weights are widened to float32 on ${device.name}${device.besideCpu && encoded.every((one) => isCoded(one) || isNarrow(one)) ? ', and held as they are stored on the CPU' : ''}. ${taken}`,
    ...(choice === 'q8' || choice === 'q4' || choice === 'float16'
      ? [
          encoded.every(isOfFloats)
            ? `With an adapter on them float weights run exactly, and ${choice} does not change them.`
            : `They are quantised already: ${choice} is for float weights and does not change them.`,
        ]
      : []),
  ];
}
