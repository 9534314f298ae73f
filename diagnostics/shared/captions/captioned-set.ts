/** The run over a set of pictures: the captions of one after the other, plain and with reinforced heads. */
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { WrittenTruth } from '../../../protocol/inputs/truth';
import { requireAnywhere } from '../divergence/both-passes';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Reinforcement, RemovedPositions } from '../../../protocol/interventions/reinforcement';
import type { DatasetEntry } from '../../../protocol/results/hallucination-schema';
import type { ChatPrompt, Parity } from '../../../protocol/schema/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { DivergenceMeasure } from '../divergence/divergence-run';
import { spanPair } from '../divergence/span-pair';
import { captionsOf, type PictureCaptions } from './picture-set';
import { orReason } from './truth-files';

export interface SetPicture {
  readonly name: string;
  readonly path: string;
  readonly truth: WrittenTruth;
}

export interface CaptionedSet<Picture extends SetPicture> {
  readonly pictures: readonly Picture[];
  /** Each picture stands in it. */
  readonly prompt: PromptInput;
  readonly measure: DivergenceMeasure;
  readonly positions: RemovedPositions;
  readonly lexicon: PictureCaptions['lexicon'];
  readonly maxNewTokens: number;
  readonly reinforcements: readonly Reinforcement[];
  /** They hold in every pass over every picture. */
  readonly interventions: readonly Intervention[];
}

/** What became of a picture. */
export type PictureOutcome =
  | ({ readonly entry: DatasetEntry } & Pick<SetSoFar, 'parity' | 'chatPrompt'>)
  | { readonly why: string };

export interface SetSoFar {
  readonly entries: readonly DatasetEntry[];
  readonly failures: readonly { readonly name: string; readonly why: string }[];
  /** The parity of the last picture that was run. */
  readonly parity?: Parity;
  /** Where the prompt went through the chat template. */
  readonly chatPrompt?: ChatPrompt;
}

export interface SetStep {
  readonly sentence: string;
  readonly done: number;
  readonly total: number;
  readonly soFar: SetSoFar;
}

/** `step`: the outcome of a picture, computed or kept from an earlier run. */
export async function* captionedSet<Picture extends SetPicture>(
  model: ModelRunner,
  { pictures, prompt, measure, positions, interventions, ...captions }: CaptionedSet<Picture>,
  step: (picture: Picture, act: () => Promise<PictureOutcome>) => Promise<PictureOutcome>,
): AsyncGenerator<SetStep, SetSoFar> {
  requireAnywhere(interventions);
  const entries: DatasetEntry[] = [];
  const failures: { readonly name: string; readonly why: string }[] = [];
  let parity: Parity | undefined;
  let chatPrompt: ChatPrompt | undefined;
  const soFar = (): SetSoFar => ({
    entries: [...entries],
    failures: [...failures],
    ...(parity ? { parity } : {}),
    ...(chatPrompt ? { chatPrompt } : {}),
  });
  const total = pictures.length;
  for (const [done, picture] of pictures.entries()) {
    const { name, path, truth } = picture;
    yield { sentence: `Image ${done + 1} of ${total}: ${name}`, done, total, soFar: soFar() };
    const outcome = await step(picture, async () => {
      const made = await orReason(async () => {
        const sequence = await model.prompt({ ...prompt, image: path });
        const pair = spanPair(sequence, { kind: 'image' }, positions);
        const { variant } = await model.variant(interventions, sequence);
        const found = await model.parity(sequence);
        const prepared = { sequence, pair, measure, variant };
        const { objects, captions: references } = truth;
        const own = { name, truth: { truth: objects, references }, ...captions };
        const { chatPrompt: rendered } = sequence;
        const entry = await captionsOf(model, prepared, own);
        return { entry, parity: found, ...(rendered ? { chatPrompt: rendered } : {}) };
      });
      return 'entry' in made ? made.entry : made;
    });
    if ('why' in outcome) failures.push({ name, why: outcome.why });
    else {
      entries.push(outcome.entry);
      parity = outcome.parity ?? parity;
      chatPrompt = outcome.chatPrompt ?? chatPrompt;
    }
  }
  return soFar();
}
