/** What the compute server is asked for a plan, or about a result that is on the screen. */
import { fromGains } from '../../../protocol/interventions/gains';
import type { ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import type { Lexicon } from '../../../protocol/inputs/lexicon';
import type {
  DivergenceRequest,
  CaptionTimeRequest,
  HallucinationRequest,
  HallucinationSetRequest,
  ImageMapRequest,
} from '../../../protocol/compute/hallucination-requests';
import type { FromHallucinationPanel, HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { DatasetEntry, HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { heldInterventions } from '../../../protocol/results/held-interventions';
import { defined } from '../../platform/defined';

type Asked<Kind extends FromHallucinationPanel['kind']> = Extract<FromHallucinationPanel, { readonly kind: Kind }>;

const common = (
  { folder, device, distance, outliers, positions, k, maxNewTokens }: HallucinationSetup,
  lexicon?: Lexicon,
) => defined({ folder, device, distance, outliers, positions, k: k ?? undefined, maxNewTokens, lexicon });

const textOf = ({ prompt, chat }: HallucinationSetup) =>
  ({ kind: 'text', text: prompt, ...(chat ? { chat } : {}) }) as const;

/** `references`: captions of the picture by people, whose objects count beside the truth of the plan. */
export function requestOf(
  plan: HallucinationSetup,
  lexicon?: Lexicon,
  references?: readonly string[],
): HallucinationRequest {
  const { mode, image, span, truth, interventions = [] } = plan;
  const held = interventions.length === 0 ? {} : { interventions };
  const text = textOf(plan);
  if (mode === 'span') {
    const [start, end] = span ?? [0, 0];
    return { ...common(plan, lexicon), ...held, prompt: text, removed: { kind: 'span', start, end } };
  }
  return {
    ...common(plan, lexicon),
    ...held,
    prompt: { ...text, image },
    removed: { kind: 'image' },
    ...(truth === null ? {} : defined({ truth, references })),
  };
}

export function setRequestOf(
  plan: HallucinationSetup,
  images: HallucinationSetRequest['images'],
  lexicon: Lexicon | undefined,
  done: readonly DatasetEntry[],
): HallucinationSetRequest {
  return {
    ...common(plan, lexicon),
    prompt: textOf(plan),
    images,
    ...(plan.mostImages === null ? {} : { sample: { count: plan.mostImages, seed: plan.seed } }),
    reinforcements: reinforcementsOf(plan),
    done,
  };
}

function reinforcementsOf(plan: HallucinationSetup): readonly ReinforcementRequest[] {
  const { alpha, outliers, reinforcedLayers, reinforcedOutliers, seed, setCaptions } = plan;
  const selected: ReinforcementRequest = {
    alpha,
    outliers: reinforcedOutliers ?? outliers,
    heads: 'selected',
    normMatched: false,
    executor: 'in-graph',
    seed,
    ...(reinforcedLayers === null ? {} : { layers: reinforcedLayers }),
  };
  if (setCaptions === 'plain') return [];
  if (setCaptions === 'reinforced') return [selected];
  return [selected, { ...selected, heads: 'random' }, { ...selected, normMatched: true }];
}

/** What one picture of the folder costs by the plan. */
export const timeRequestOf = (plan: HallucinationSetup, image: string): CaptionTimeRequest => ({
  folder: plan.folder,
  ...defined({ device: plan.device }),
  prompt: textOf(plan),
  image,
  maxNewTokens: plan.maxNewTokens,
  reinforced: reinforcementsOf(plan).length,
  measured: true,
});

/** The measurement that gave a result, to ask more of it. */
export function measureOf(result: HallucinationResult): DivergenceRequest {
  const { model, prompt, promptIds, image, removed, distance, outliers, positions, k, settings } = result;
  const picture = image === undefined ? {} : { image: image.path };
  const held = heldInterventions(result);
  return {
    folder: model.folder,
    prompt:
      prompt === null
        ? { kind: 'ids', ids: promptIds, ...picture }
        : { kind: 'text', text: prompt, ...(settings['chat'] === true ? { chat: true } : {}), ...picture },
    removed,
    distance,
    outliers,
    positions,
    k,
    ...(held.length === 0 ? {} : { interventions: held }),
  };
}

/** Tokens that were there when token `step` was made, and the gains they were made with. */
function before({ caption, variants }: HallucinationResult, step: number, variant: number | null) {
  const made = variant === null ? caption : variants[variant];
  return { generated: made?.tokens.slice(0, step).map(({ id }) => id) ?? [], gains: made?.gains };
}

export function mapRequestOf(result: HallucinationResult, { step, variant, heads }: Asked<'map'>): ImageMapRequest {
  const { folder, prompt, removed, interventions: held = [] } = measureOf(result);
  const { generated, gains } = before(result, step, variant);
  const span = removed.kind === 'span' ? { start: removed.start, end: removed.end } : undefined;
  const all = [...held, ...(gains === undefined ? [] : fromGains(gains))];
  const interventions = gains === undefined && held.length === 0 ? undefined : all;
  return { folder, prompt, generated, heads, ...defined({ interventions, span }) };
}

export const stepRequestOf = (result: HallucinationResult, step: number) => ({
  ...measureOf(result),
  generated: before(result, step, null).generated,
});
