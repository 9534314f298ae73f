/** The grid as a section of heads: one number, the labels as classes, and the pictures of the patterns. */
import { headLabels } from '../../../protocol/results/heads';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import { picturesOf } from '../../../protocol/results/thumbnails';
import type { HeadPictures } from '../../../protocol/sections/heads';
import type { DrawnHeads, DrawnPictures } from '../../sections/heads/heads-model';
import { announcementOf, readoutOf, type GridModel } from './grid-model';
import { labelInfo, lookOf } from './labels';
import { tokensOf } from './shown';
import { isSigned, type State } from './state';

const made = new WeakMap<GridModel, { readonly of: State['thumbnails']; readonly section: DrawnHeads }>();

/** The same section as long as the model and the pictures are the same, so that it is not drawn anew for a selected head. */
export function gridSection(state: State, model: GridModel): DrawnHeads {
  // The legend under the grid is also the filter.
  const known = made.get(model);
  if (known && known.of === state.thumbnails) return known.section;
  const whole = gridForFile(state, model);
  const section = { ...whole, drawing: { ...whole.drawing, keyBeside: true } };
  made.set(model, { of: state.thumbnails, section });
  return section;
}

/** The grid with its key, as it is exported. */
export function gridForFile(state: State, model: GridModel): DrawnHeads {
  const { thumbnails } = state;
  const { colouring, scale, windows, gains } = model;
  const places = (label: string) =>
    [...model.labels].flatMap(([key, own]) => {
      // A cell has room for one label: that with the strongest evidence comes first.
      const [layer = 0, head = 0] = key.split('.').map(Number);
      return own[0]?.label === label ? [{ layer, head }] : [];
    });
  const pictures: DrawnPictures | undefined =
    colouring === 'class' || colouring === 'picture'
      ? {
          of: thumbnails && picturesIn(thumbnails, tokensOf(state).ids.length),
          colours: colouring === 'class' ? 'class' : 'magnitude',
        }
      : undefined;
  return {
    kind: 'heads',
    id: 'grid',
    title: 'Heads by layer',
    numbers: [numberOf(model)],
    classes: headLabels.map((label) => {
      const { title, definition, letter } = labelInfo(label);
      return { name: label, title, definition, letter, look: lookOf(label), heads: places(label) };
    }),
    ...(model.kvHeads > 0 ? { kvHeads: model.kvHeads } : {}),
    windows,
    gains,
    drawing: {
      squares: true,
      ...(model.natural ? {} : { rows: model.rows }),
      shown: model.shown,
      ...(pictures ? { pictures } : {}),
      words: (place) => ({
        title: announcementOf(model, place),
        value: readoutOf(model, place),
        ...(scale ? { definition: scale.title } : {}),
      }),
    },
  };
}

const bytesOf = new WeakMap<NonNullable<State['thumbnails']>, HeadPictures>();

function picturesIn(thumbnails: NonNullable<State['thumbnails']>, tokens: number): HeadPictures {
  const known = bytesOf.get(thumbnails);
  if (known) return known;
  const made = picturesOf(thumbnails, tokens === 0 ? thumbnails.size : tokens);
  bytesOf.set(thumbnails, made);
  return made;
}

/** What the cells are coloured by; where that is pictures, which layers have come. */
function numberOf(model: GridModel): HeadsLayer {
  const { scale, statistics, colouring, layers, heads } = model;
  const row = <T>(of: (head: number) => T): T[] => Array.from({ length: heads }, (_, head) => of(head));
  const there = (layer: number): number => (statistics?.entropy[layer] === undefined ? Number.NaN : 1);
  return {
    name: colouring,
    title: scale?.title ?? 'labels',
    unit: scale?.unit ?? '',
    definition: '',
    scale: {
      kind: isSigned(colouring) ? 'diverging' : 'sequential',
      ...(scale ? { min: scale.low, max: scale.high } : {}),
    },
    values: Array.from({ length: layers }, (_, layer) =>
      row((head) => (scale ? model.valueAt({ layer, head }) : there(layer))),
    ),
  };
}
