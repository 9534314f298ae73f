/** Tokens of an opened model that a run begins and ends with: of its config, and of generation_config.json. */
import type { SpecifiedModel } from '../../../models/architectures/catalogue';
import { readGenerationConfig } from '../../../models/formats/companions/companions';
import type { ModelDescription } from '../../../models/formats/model-description';
import { readSmallJson } from '../../../models/formats/model-folder';

export interface TokenIds {
  /** Ids that end a generation. */
  readonly stopIds: readonly number[];
  /** `bos_token_id` of the config, when it is one of the vocabulary. */
  readonly bosId?: number;
  /** The token that every target of an encoder-decoder begins with. */
  readonly startId?: number;
  /** The token that its generation puts behind it, whatever is the most probable (`forced_bos_token_id`). */
  readonly forcedId?: number;
}

export async function tokenIds(folder: string, description: ModelDescription, vocabulary: number): Promise<TokenIds> {
  const own = (key: string): readonly number[] => description.tokenIds.find((each) => each.key === key)?.ids ?? [];
  // generation_config.json has the last word on where a generation ends; most folders of base models have none.
  const generation = (await readSmallJson(folder, 'generation_config.json')) ?? {};
  const { eosIds } = readGenerationConfig(generation);
  const stop = eosIds.length > 0 ? eosIds : own('eos_token_id');
  const bos = own('bos_token_id').find((id) => id >= 0 && id < vocabulary);
  const named = generation['forced_bos_token_id'] ?? own('forced_bos_token_id')[0];
  const forced = typeof named === 'number' && named >= 0 && named < vocabulary ? named : undefined;
  return {
    stopIds: stop,
    ...(bos === undefined ? {} : { bosId: bos }),
    ...(forced === undefined ? {} : { forcedId: forced }),
  };
}

/** The token that every target begins with: what the class of a model leaves open, generation_config.json says (mBART). */
export async function startToken(
  folder: string,
  { startId }: Extract<SpecifiedModel, { kind: 'encoder-decoder' }>,
  vocabulary: number,
): Promise<Pick<TokenIds, 'startId'>> {
  if (startId !== undefined) return { startId };
  const named = (await readSmallJson(folder, 'generation_config.json'))?.['decoder_start_token_id'];
  return typeof named === 'number' && named >= 0 && named < vocabulary ? { startId: named } : {};
}
