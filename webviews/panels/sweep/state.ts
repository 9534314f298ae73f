/** What the Sweeps panel shows and what the person has arranged. Pure. */
import type { ToSweepPanel } from '../../../protocol/panels/sweep';
import type { Section } from '../../../protocol/sections/section';
import type { SweepLook, SweepMistakes, SweepPicture } from '../../../protocol/sweeps/sweep-picture';
import { unreachable } from '../../../protocol/unreachable';
import type { SectionView } from '../../sections/section-kind';
import { fieldsIn } from '../../ui/host';

/** Survives a reload. */
export interface Arranged {
  readonly look: SweepLook;
  readonly views: Readonly<Record<string, SectionView>>;
}

export interface State extends Arranged {
  /** Undefined until the extension has answered. */
  readonly opened: Extract<ToSweepPanel, { readonly kind: 'open' }> | undefined;
  readonly picture: SweepPicture | undefined;
  readonly mistakes: SweepMistakes['mistakes'];
  /** What is being done, without its end. */
  readonly doing: string | undefined;
  readonly said: Extract<ToSweepPanel, { readonly kind: 'done' | 'failed' }> | undefined;
  /** The cell that another one is compared with. */
  readonly compared: { readonly key: string; readonly name: string } | undefined;
}

const firstState: State = {
  opened: undefined,
  picture: undefined,
  mistakes: [],
  doing: undefined,
  said: undefined,
  compared: undefined,
  look: {},
  views: {},
};

/** What an earlier visit kept, as far as it can be used: the extension checks what is looked at. */
export function restored(kept: unknown): State {
  const { look, views } = fieldsIn(kept);
  return { ...firstState, look: fieldsIn(look), views: fieldsIn(views) as State['views'] };
}

export function received(state: State, message: ToSweepPanel): State {
  switch (message.kind) {
    case 'open':
      return { ...state, opened: message };
    case 'picture': {
      const { picture } = message;
      const sections = kept(state.picture?.sections ?? [], picture.sections);
      return { ...state, picture: { ...picture, sections }, mistakes: [] };
    }
    case 'mistakes':
      return { ...state, picture: undefined, mistakes: message.mistakes };
    case 'doing':
      return { ...state, doing: message.sentence, said: undefined };
    case 'done':
    case 'failed':
      return { ...state, doing: undefined, said: message };
    default:
      return unreachable(message);
  }
}

/** Sections that are as before stay the same objects: they are not drawn again. */
function kept(before: readonly Section[], now: readonly Section[]): readonly Section[] {
  const known = new Map(before.map((section) => [section.id, { section, text: JSON.stringify(section) }]));
  return now.map((section) => {
    const same = known.get(section.id);
    return same?.text === JSON.stringify(section) ? same.section : section;
  });
}

/** A change of what is looked at; `undefined` takes a choice back. Another matrix or list begins at its start. */
export function looking(
  look: SweepLook,
  change: { readonly [Name in keyof SweepLook]?: SweepLook[Name] | undefined },
): SweepLook {
  const begins = {
    ...('rows' in change || 'columns' in change || 'only' in change
      ? { rowFrom: undefined, columnFrom: undefined }
      : {}),
    ...('show' in change || 'only' in change ? { page: undefined } : {}),
  };
  const all = Object.entries({ ...look, ...begins, ...change });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}
