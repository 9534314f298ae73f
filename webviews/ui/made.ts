/** What made a result, and what it is compared with: as lines for people, and as columns of a file. Pure. */
import { threadWords } from '../../protocol/results/thread-words';
import type { DeviceSummary, Provenance, ModelSummary } from '../../protocol/schema/parts';
import { took } from './numbers';
import type { CellValue } from './table';

type Made = Omit<Provenance, 'settings'>;
type OfModel = Made & { readonly model: Pick<ModelSummary, 'name' | 'hash'> };

export const deviceLine = ({ name, provider, threads, runtime, platform }: DeviceSummary): string =>
  `${name} (${provider}), ${threadWords(threads)}, ${runtime}, ${platform}`;

export const madeLines = (of: Made & { readonly seconds: number }): readonly string[] => [
  deviceLine(of.device),
  `Headscope ${of.headscope}, ${of.created}, in ${took(of.seconds)}`,
];

/** `more` stands behind the model. */
export const madeValues = (of: OfModel, more: Readonly<Record<string, CellValue>> = {}) => ({
  model: of.model.name,
  model_hash: of.model.hash,
  ...more,
  seed: of.seed,
  device: of.device.name,
  runtime: of.device.runtime,
  platform: of.device.platform,
  headscope: of.headscope,
  created: of.created,
});

export const comparedValues = (
  name: string,
  { model, created }: OfModel,
  more: Readonly<Record<string, CellValue>> = {},
) => ({
  compared_with: name,
  compared_model: model.name,
  compared_model_hash: model.hash,
  ...more,
  compared_created: created,
});

/** A result as the name of a file says it. */
export const namedOf = (of: OfModel | undefined) => ({ subject: of?.model.name ?? 'model', created: of?.created });
