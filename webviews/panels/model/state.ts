/** What the panel knows, and how a message changes it. Pure. */
import { servingBits, type ServingQuestion } from '../../../protocol/language/serving';
import type {
  ModelContent,
  ModelPlace,
  ShowModel,
  ShownModel,
  ShowServing,
  ToModelPanel,
} from '../../../protocol/panels/model';
import type { PointKey } from '../../charts/chart';

/** Choices of the person at this webview. */
export interface View {
  /** Disclosures by name, as they were left. */
  readonly open: Readonly<Record<string, boolean>>;
  /** A comparison shows only the rows that differ. */
  readonly differencesOnly: boolean;
  /** What is asked about serving. */
  readonly serving: ServingQuestion;
}

export interface State {
  readonly place: ModelPlace;
  /** Undefined until the extension has answered. */
  readonly shown: ShowModel | undefined;
  readonly view: View;
  /** The last answer about serving. */
  readonly serving?: ShowServing;
  /** The operator that is pinned in the roofline. */
  readonly pinned?: PointKey;
  /** A failure of an export; goes with the next message. */
  readonly failure?: string;
}

/** What VS Code keeps of the webview; for the full panel `uris` is read by extension/panels/model/model-panels.ts after a reload. */
export interface Kept {
  readonly uris: readonly string[];
  readonly view: View;
}

const usualServing: ServingQuestion = {
  device: 'h100-sxm',
  batch: 1,
  context: 2048,
  weightBits: 'stored',
  cacheBits: 'stored',
  tensorParallel: 1,
};

export const initialState = (place: ModelPlace): State => ({
  place,
  shown: undefined,
  view: { open: {}, differencesOnly: false, serving: usualServing },
});

export function receive(state: State, message: ToModelPanel): State {
  if (message.kind === 'serving') return { ...state, serving: message };
  const { failure: _failure, ...rest } = state;
  return { ...rest, shown: message };
}

export const contentOf = (state: State): ModelContent | undefined => state.shown?.content;

export function modelsOf(content: ModelContent | undefined): readonly ShownModel[] {
  if (content?.state === 'model') return [content.model];
  return content?.state === 'comparison' ? [content.first, content.second] : [];
}

export function keep(state: State, kept: Kept | undefined): Kept {
  const models = modelsOf(contentOf(state));
  // While something is being read or has failed, what was shown before is what a reload brings back.
  return { uris: models.length > 0 ? models.map(({ facts }) => facts.uri) : (kept?.uris ?? []), view: state.view };
}

/** Undefined for anything that another version may have kept. */
export function parseKept(value: unknown): Kept | undefined {
  if (typeof value !== 'object' || value === null || !('uris' in value) || !('view' in value)) return undefined;
  const { uris, view } = value;
  if (!Array.isArray(uris) || !uris.every((uri): uri is string => typeof uri === 'string')) return undefined;
  if (typeof view !== 'object' || view === null || !('open' in view) || !('differencesOnly' in view)) return undefined;
  const { open, differencesOnly } = view;
  if (typeof open !== 'object' || open === null || typeof differencesOnly !== 'boolean') return undefined;
  const flags = Object.entries(open).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean');
  const serving = keptServing('serving' in view ? view.serving : undefined);
  return { uris, view: { open: Object.fromEntries(flags), differencesOnly, serving } };
}

/** Each choice as it was kept where it is one, else the usual one. */
function keptServing(value: unknown): ServingQuestion {
  const kept: Readonly<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {};
  const whole = (name: 'batch' | 'context' | 'tensorParallel', most: number): number => {
    const number = kept[name];
    return typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= most
      ? number
      : usualServing[name];
  };
  const bits = (name: 'weightBits' | 'cacheBits') =>
    servingBits.find((choice) => choice === kept[name]) ?? usualServing[name];
  const { device } = kept;
  return {
    device: typeof device === 'string' && device !== '' ? device : usualServing.device,
    batch: whole('batch', 2 ** 20),
    context: whole('context', 2 ** 24),
    weightBits: bits('weightBits'),
    cacheBits: bits('cacheBits'),
    tensorParallel: whole('tensorParallel', 1024),
  };
}

export const isOpen = (state: State, disclosure: string, otherwise: boolean): boolean =>
  state.view.open[disclosure] ?? otherwise;
