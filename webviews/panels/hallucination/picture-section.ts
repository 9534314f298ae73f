/** The picture with what the chosen heads read from each of its patches, as a section. Pure. */
import type { ImageSinks } from '../../../protocol/results/hallucination-schema';
import type { ImageSpan } from '../../../protocol/schema/parts';
import { apartOf } from '../../../protocol/results/sections/divergence';
import type { ImageSection } from '../../../protocol/sections/image';
import { levelsOf, patchesOf } from '../../../protocol/sections/patches';
import { significant } from '../../ui/numbers';
import { mapTitle, waiting } from './map-words';
import { pictureOf } from './shown';
import type { State } from './state';

const pictureId = 'picture';

const last = new WeakMap<ImageSpan, { readonly made: readonly unknown[]; readonly section: ImageSection }>();

/** Made anew only when something that it shows has changed; undefined while there is no picture. */
export function pictureSection(state: State): ImageSection | undefined {
  const image = pictureOf(state)?.image;
  if (!image) return undefined;
  const { map, result, view } = state;
  const title = mapTitle(state);
  const level = view.sections[pictureId]?.level;
  const made = [map?.value, result?.sinks, title, view.map, level, waiting(state)];
  const known = last.get(image);
  if (known?.made.every((one, at) => one === made[at])) return known.section;
  const section: ImageSection = {
    kind: 'image',
    id: pictureId,
    title: title === undefined ? image.name : `${title} on the picture`,
    caption: captionOf(state, image, level ?? 0),
    image,
    numbers: map?.value
      ? [
          {
            name: 'attention',
            title: 'Share of the attention',
            unit: '',
            definition:
              'Part of all attention of the query that makes the word, on one patch; of several heads their mean.',
            scale: { kind: 'sequential' },
            values: [...map.value],
          },
        ]
      : [],
    ...apartOf(result?.sinks),
  };
  last.set(image, { made, section });
  return section;
}

/** What share of the whole attention lies on the picture at all, or what is awaited; and what is not known of sinks. */
function captionOf(state: State, image: ImageSpan, level: number): string {
  const { map, result, view } = state;
  const { notApplicable } = result?.sinks ?? {};
  return [
    map?.value ? massWords(massOn(image, level, map.value, result?.sinks), view.map !== 'head') : waiting(state),
    ...(notApplicable === undefined ? [] : [`${notApplicable} A bright corner or border may be a sink.`]),
  ]
    .join(' ')
    .trim();
}

/** Counts one level of tiles: the others show the same parts of the picture again. */
export function massOn(
  { tiles }: ImageSpan,
  level: number,
  values: Float32Array,
  sinks: ImageSinks | undefined,
): { readonly mass: number; readonly onSinks: number } {
  const sinkTokens = new Set(sinks?.tokens.map(({ token }) => token));
  const sum = (tokens: readonly number[]): number => tokens.reduce((all, token) => all + (values[token] ?? 0), 0);
  const tokens = patchesOf(tiles, levelsOf(tiles)[level] ?? []).map(({ token }) => token);
  return { mass: sum(tokens), onSinks: sum(tokens.filter((token) => sinkTokens.has(token))) };
}

function massWords({ mass, onSinks }: ReturnType<typeof massOn>, ofSeveral: boolean): string {
  const sinks = onSinks > 0 ? `, ${significant(onSinks * 100)} % of it all on sinks` : '';
  return ofSeveral
    ? `On average ${significant(mass * 100)} % of the attention of these heads lies on these patches${sinks}.`
    : `${significant(mass * 100)} % of the attention lies on these patches${sinks}.`;
}
