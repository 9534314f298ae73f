/** What lies beside the picture of the form, or in its folder of pictures, and the parameters that it fills. Pure. */
import { type BesidePictures, type ParameterTable } from '../../../protocol/analysis/parameters';
import type { BesidePicture } from '../../../protocol/panels/workbench';
import type { Typed } from '../../ui/typed-parameters';
import { infoOf } from './shown';
import type { State } from './state';

interface Chosen {
  readonly path: string;
  readonly what: 'picture' | 'folder';
}

const fills = (table: ParameterTable): readonly (readonly [string, BesidePictures])[] =>
  Object.entries(table).flatMap(([name, parameter]) =>
    'beside' in parameter && parameter.beside !== undefined ? [[name, parameter.beside] as const] : [],
  );

/** The picture or the folder whose neighbours matter to the question. */
export function besideWhat(state: State): Chosen | undefined {
  const { form, place } = state;
  if (!form || place === 'file') return undefined;
  const { kind, image, folder } = form.input;
  const chosen: Chosen | undefined =
    kind === 'image-set'
      ? { path: folder, what: 'folder' }
      : kind === 'image' || kind === 'prompt'
        ? { path: image, what: 'picture' }
        : undefined;
  if (!chosen || chosen.path === '') return undefined;
  const matters = chosen.what === 'folder' || fills(infoOf(state)?.parameters ?? {}).length > 0;
  return matters ? chosen : undefined;
}

/** What was found of the picture or the folder that is in the form. */
export function besideOf(state: State): BesidePicture | undefined {
  const { beside } = state;
  return beside !== undefined && beside.of === besideWhat(state)?.path ? beside.found : undefined;
}

/** The question has fields for what lies beside the picture, and whether anything lies there is not known yet. */
export function awaitsBeside(state: State): boolean {
  const asked = besideWhat(state);
  if (!asked || fills(infoOf(state)?.parameters ?? {}).length === 0) return false;
  const { beside } = state;
  return beside?.of !== asked.path || (beside.found === undefined && !beside.failed);
}

/** Run was pressed before the answer, which is there now. */
export const runsNow = (state: State): boolean => state.beside?.runs === true && !awaitsBeside(state);

/** The request has changed since Run was pressed. */
export function withoutRun(state: State): State {
  if (!state.beside?.runs) return state;
  const { runs: _, ...beside } = state.beside;
  return { ...state, beside };
}

const valueOf = ({ objects = [], truth = '', lexicon = '' }: BesidePicture, what: BesidePictures): string =>
  ({ objects: objects.join(', '), truth, lexicon })[what];

/** Fields that nobody has typed into hold what lies beside the picture; what a person has typed stays. */
export function filled(state: State): State {
  const found = besideOf(state);
  const { form } = state;
  if (!form || !found) return state;
  const typed: Record<string, string> = {};
  for (const [name, what] of fills(infoOf(state)?.parameters ?? {})) {
    const now = form.parameters[name];
    const value = valueOf(found, what);
    if (now === undefined ? value !== '' : now === state.filled[name] || now === value) typed[name] = value;
  }
  const changes = (of: Typed): boolean => Object.entries(typed).some(([name, value]) => of[name] !== value);
  if (!changes(form.parameters) && !changes(state.filled)) return state;
  return {
    ...state,
    filled: { ...state.filled, ...typed },
    form: changes(form.parameters) ? { ...form, parameters: { ...form.parameters, ...typed } } : form,
  };
}
