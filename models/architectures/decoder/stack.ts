/** What the parts of a decoder or an encoder are made from, and the maps and norms that all of them have. */
import type { Computation } from '../../formats/families/shared/computation';
import type { DecoderLayout } from '../../formats/families/shared/decoder-layout';
import type { ModelPart } from '../../formats/model-description';
import type { ArchitectureInput, Names } from '../architecture';
import { ModelError } from '../model-spec';
import type { Linear, Norm } from '../weights-spec';

/** What the parts of a stack are made from. */
export interface Stack {
  readonly input: ArchitectureInput;
  readonly part: ModelPart;
  readonly layout: DecoderLayout;
  readonly computes: Computation;
  readonly epsilon: number;
}

/** Its factor, times another. */
export const scaled = (linear: Linear, factor: number | undefined): Linear =>
  factor === undefined || factor === 1 ? linear : { ...linear, factor: (linear.factor ?? 1) * factor };

/** Without a name it has no weights of its own. */
export function normOf({ part, computes, epsilon }: Stack, at: Names, name: string | undefined, size: number): Norm {
  const kind = computes.affineNorms ? 'affine' : part.norm.kind;
  if (name === undefined) return { kind, size, epsilon };
  if (kind === 'rms') return at.rms(name, size, epsilon, computes.gainOffset);
  const norm: Norm = { ...at.layerNorm(name, size, epsilon), kind };
  return computes.gainOffset === undefined ? norm : { ...norm, gainOffset: computes.gainOffset };
}

/** A map as it is stored: GPT-2 has [inputs, outputs], SqueezeBERT groups of channels. */
export function mapOf(
  { layout, part }: Pick<Stack, 'layout' | 'part'>,
  at: Names,
  name: string,
  inputs: number,
  outputs: number,
): Linear {
  const linear = at.linear(name, inputs, outputs);
  const groups = layout.groups?.(part, name);
  if (groups !== undefined && (inputs % groups !== 0 || outputs % groups !== 0))
    throw new ModelError(
      `${groups} groups do not divide the ${inputs} channels that ${name} reads and the ${outputs} of it.`,
    );
  return {
    ...linear,
    ...(layout.attention.transposed === true ? { stored: 'inputs-outputs' } : {}),
    ...(groups === undefined ? {} : { groups }),
  };
}
