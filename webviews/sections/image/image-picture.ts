/**
 * Values over a picture: a colour for each patch, and the frame and letters of its class. The whole picture is one sheet; where
 * the model cut the picture into tiles as well, these lie together on a second sheet.
 */
import type { ImageSection } from '../../../protocol/sections/image';
import { css } from '../../charts/colour-map';
import { colourOf, identitiesOf, type Identity } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import type { Theme } from '../../ui/theme';
import { colourAt, domainOf, shareOf, type Domain } from '../colours';
import {
  apartItem,
  classItem,
  flow,
  letterOf,
  noValueItem,
  scaleItem,
  smallSize,
  textMark,
  wordsItem,
} from '../legend';
import { chosenScale } from '../log-colours';
import { panned, showing, whole, zoomed, type MatrixFit } from '../matrix/matrix-place';
import type { Drawn, Picture, PicturePlace } from '../picture';
import { hatchMark, moved, type Box, type LoadedPicture, type Mark } from '../scene';
import { shortened, valueWords } from '../words';
import { outlineMarks } from './outlines';
import { levelsOf, patchesOf, type Patch } from '../../../protocol/sections/patches';
import { moveInTiles, pictureScale, placeWords } from './patches';

export type PatchNumber = ImageSection['numbers'][number];

/** Where nothing was chosen: the colours of the picture stay recognisable under the largest value, for captions name them. */
export const usualOpacity = 0.65;

export function imagePicture(
  section: ImageSection,
  number: PatchNumber | undefined,
  loaded: LoadedPicture | undefined,
  opacity = usualOpacity,
  level: number | undefined = undefined,
  log: boolean | undefined = undefined,
): Picture {
  const { tiles, name } = section.image;
  const levels = levelsOf(tiles);
  const chosen = level === undefined ? undefined : levels[level];
  const sheets = chosen ? [chosen] : levels;
  const patches = patchesOf(tiles, sheets.flat());
  const every = new Map(patchesOf(tiles).map((patch) => [String(patch.token), patch]));
  const apart = new Set(section.apart?.tokens);
  let layout: Layout | undefined;
  const fit = (): MatrixFit | undefined =>
    layout && {
      cellWidth: layout.scale,
      cellHeight: layout.scale,
      across: layout.width / layout.scale,
      down: layout.height / layout.scale,
      width: layout.width,
      height: layout.height,
    };
  const seen = (place: PicturePlace | undefined): PicturePlace | undefined =>
    place && place.zoom > 1 ? place : undefined;
  return {
    label: `${section.title}: ${number?.title ?? 'no number'} over ${patches.length} patches of ${name}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme, place = whole) => {
      const drawing = { section, number, loaded, opacity, log, place, sheets, patches, apart };
      layout = layOut(drawing, width);
      return drawImage(drawing, layout, width, theme);
    },
    movable: {
      zoomed: (place = whole, factor, point) => {
        const [to, origin] = [fit(), layout && originUnder(layout, point)];
        if (!layout || !to || !origin) return undefined;
        const middle = { x: layout.width / 2, y: layout.height / 2 };
        return seen(zoomed(place, factor, point ? { x: point.x - origin.x, y: point.y - origin.y } : middle, to));
      },
      panned: (place, dx, dy) => {
        const to = fit();
        return place && to && panned(place, dx, dy, to);
      },
      showing: (place, cursor) => {
        const [to, patch] = [fit(), every.get(cursor)];
        if (!place || !to || !patch) return place;
        const end = { row: patch.y + patch.height - 1, column: patch.x + patch.width - 1 };
        return showing(showing(place, { row: patch.y, column: patch.x }, to), end, to);
      },
    },
    first: () => (patches[0] ? String(patches[0].token) : undefined),
    move: (cursor, key) => {
      const at = patches.find(({ token }) => String(token) === cursor);
      return at && moveInTiles(tiles, patches, at, key);
    },
    words: (cursor) => {
      const at = every.get(cursor);
      if (!at) return undefined;
      return {
        title: placeWords(section.image, at),
        value: [
          ...(number
            ? [
                `${number.title} ${valueWords(number.values[at.token] ?? Number.NaN, number.unit, number.scale.kind === 'diverging')}`,
              ]
            : []),
          ...classNameOf(section, at.token),
          ...(section.apart && apart.has(at.token) ? [section.apart.title] : []),
        ].join(', '),
        ...(number ? { definition: number.definition } : {}),
      };
    },
  };
}

const classNameOf = ({ classes }: ImageSection, token: number): readonly string[] => {
  const name = classes?.names[classes.of[token] ?? -1];
  return name === undefined ? [] : [name];
};

/** A frame inside the patch, and the letters of the class where they have room: not by colour alone. */
function classMarks({ x, y, width, height }: Box, identity: Identity, theme: Theme): readonly Mark[] {
  const colour = colourOf(identity, theme.dark);
  const size = smallSize(theme);
  const room = width >= textWidth(identity.code, size, { font: theme.font }) + 4 && height >= size + 2;
  return [
    { kind: 'rect', x: x + 1, y: y + 1, width: width - 2, height: height - 2, stroke: colour, lineWidth: 2 },
    ...(room
      ? [
          textMark(identity.code, x + width / 2, y + height / 2 + size / 3, theme, {
            fill: theme.foreground,
            halo: theme.background,
            anchor: 'middle',
            weight: 600,
          }),
        ]
      : []),
  ];
}

interface Drawing {
  readonly section: ImageSection;
  readonly number: PatchNumber | undefined;
  readonly loaded: LoadedPicture | undefined;
  readonly opacity: number;
  /** Which part is seen. */
  readonly place: PicturePlace;
  /** Logarithmic colours, where a person chose. */
  readonly log: boolean | undefined;
  /** The tiles of each sheet. */
  readonly sheets: readonly (readonly number[])[];
  readonly patches: readonly Patch[];
  readonly apart: ReadonlySet<number>;
}

const between = 12;

interface Layout {
  readonly width: number;
  readonly height: number;
  /** Drawn pixels for one pixel of the picture. */
  readonly scale: number;
  readonly origins: readonly { readonly x: number; readonly y: number }[];
  readonly bottom: number;
}

function layOut({ section: { image }, sheets }: Drawing, room: number): Layout {
  const columns = sheets.length > 1 && room >= 480 ? 2 : 1;
  const [across, down] = [Math.max(1, image.width), Math.max(1, image.height)];
  const scale = pictureScale(across, down, (room - between * (columns - 1)) / columns);
  const [width, height] = [across * scale, down * scale];
  const titled = sheets.length > 1 ? 18 : 0;
  const origins = sheets.map((_, at) => ({
    x: (at % columns) * (width + between),
    y: titled + Math.floor(at / columns) * (height + between + titled),
  }));
  return { width, height, scale, origins, bottom: (origins.at(-1)?.y ?? 0) + height + 8 };
}

/** More where the value is farther from the low end, or from the middle of a diverging scale. */
function opacityAt(value: number, domain: Domain, opacity: number): number {
  const share = domain.kind === 'diverging' ? Math.abs(2 * shareOf(value, domain) - 1) : shareOf(value, domain);
  const least = opacity ** 4;
  return least + (opacity - least) * Math.sqrt(share);
}

/** Origin of the sheet under a point; of the first where none is. */
const originUnder = (
  { origins, width, height }: Layout,
  point: { readonly x: number; readonly y: number } | undefined,
) =>
  origins.find(({ x, y }) => point && point.x >= x && point.x < x + width && point.y >= y && point.y < y + height) ??
  origins[0];

function drawImage(drawing: Drawing, layout: Layout, width: number, theme: Theme): Drawn {
  const { section, number, loaded, opacity, log, place, sheets, patches, apart } = drawing;
  const { image } = section;
  const { scale, origins, bottom } = layout;
  const seen = patches.flatMap(({ token }) => (apart.has(token) ? [] : (number?.values[token] ?? [])));
  const domain = domainOf(chosenScale(number?.scale ?? { kind: 'sequential' }, { log }), seen);
  const sheetOf = new Map(sheets.flatMap((tiles, sheet) => tiles.map((tile) => [tile, origins[sheet]] as const)));
  /** The box of a patch, as far as it is seen. */
  const boxOf = (patch: Patch): Box | undefined => {
    const { x = 0, y = 0 } = sheetOf.get(patch.tile) ?? {};
    const along = (from: number, length: number, first: number, room: number): readonly [number, number] => {
      const start = (from - first) * scale * place.zoom;
      return [Math.max(0, start), Math.min(room, start + length * scale * place.zoom)];
    };
    const [left, right] = along(patch.x, patch.width, place.column, layout.width);
    const [top, bottomEnd] = along(patch.y, patch.height, place.row, layout.height);
    if (right <= left || bottomEnd <= top) return undefined;
    return { x: x + left, y: y + top, width: right - left, height: bottomEnd - top };
  };
  const boxes = new Map(
    patches.flatMap((patch) => {
      const box = boxOf(patch);
      return box ? [[String(patch.token), box] as const] : [];
    }),
  );
  const identities = identitiesOf(section.classes?.names ?? []);
  const [marks, frames]: [Mark[], Mark[]] = [[...sheetMarks(drawing, layout, theme)], []];
  let missing = false;
  for (const patch of patches) {
    const box = boxes.get(String(patch.token));
    if (!box) continue;
    const identity = identities[section.classes?.of[patch.token] ?? -1];
    if (identity) frames.push(...classMarks(box, identity, theme));
    if (number && apart.has(patch.token)) {
      if (opacity > 0) marks.push(...apartMarks(box, section.apart?.title ?? '', theme));
      continue;
    }
    const value = number?.values[patch.token] ?? Number.NaN;
    const colour = colourAt(value, domain, theme.dark);
    missing ||= number !== undefined && colour === undefined;
    if (colour && (!loaded || opacity > 0)) {
      marks.push({ kind: 'rect', ...box, fill: css(colour), opacity: loaded ? opacityAt(value, domain, opacity) : 1 });
    }
  }
  for (const [at, { name, tokens }] of (section.outlined ?? []).entries()) {
    marks.push(
      ...outlineMarks(
        tokens.flatMap((token) => boxes.get(String(token)) ?? []),
        name,
        at,
        theme,
      ),
    );
  }
  const legend = flow(
    [
      ...(number ? [scaleItem(domain, number.unit, theme)] : []),
      ...(missing ? [noValueItem(theme)] : []),
      ...(section.apart && patches.some(({ token }) => apart.has(token))
        ? [apartItem(section.apart.title, theme)]
        : []),
      ...identities.map((one) =>
        classItem({ shape: 'square', colour: colourOf(one, theme.dark), label: `${one.code}: ${one.title}` }, theme),
      ),
      wordsItem(
        loaded ? shortened(image.name, 60) : `${shortened(image.name, 60)} is not shown: its file was not read.`,
        theme,
      ),
    ],
    width,
  );
  return {
    width,
    height: bottom + legend.height,
    marks: [...marks, ...frames, ...legend.marks.map((mark) => moved(mark, 0, bottom))],
    hit: (x, y) => {
      const found = patches.find((patch) => {
        const box = boxes.get(String(patch.token));
        return box && x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
      });
      return found && String(found.token);
    },
    box: (cursor) => boxes.get(cursor),
  };
}

const partOf = ({ column, row, zoom }: PicturePlace, width: number, height: number): { readonly part?: Box } =>
  zoom === 1 ? {} : { part: { x: column / width, y: row / height, width: 1 / zoom, height: 1 / zoom } };

/** The picture, or its place, on each sheet. */
function sheetMarks(
  { section, sheets, loaded, opacity, place }: Drawing,
  { width, height, scale, origins }: Layout,
  theme: Theme,
): readonly Mark[] {
  return sheets.flatMap((level, sheet): readonly Mark[] => {
    const { x = 0, y = 0 } = origins[sheet] ?? {};
    const box = { x, y, width, height };
    const title = level.length === 1 && sheets.length > 1 ? 'Whole picture' : 'Tiles';
    return [
      ...(sheets.length > 1 ? [textMark(title, x, y - 5, theme)] : []),
      loaded && (opacity < 1 || section.numbers.length === 0)
        ? {
            kind: 'picture',
            ...box,
            picture: loaded,
            ...partOf(place, width / scale, height / scale),
            ...(scale * place.zoom >= 3 ? { sharp: true } : {}),
          }
        : { kind: 'rect', ...box, stroke: theme.line, lineWidth: 1 },
    ];
  });
}

/** Hatched, with the first letter of what they are where it has room. */
function apartMarks(box: Box, title: string, theme: Theme): readonly Mark[] {
  const { x, y, width, height } = box;
  const size = Math.min(13, height * 0.6);
  return [
    { kind: 'rect', ...box, fill: '#000000', opacity: 0.55 },
    hatchMark(box, '#ffffff'),
    ...(width < 14 || height < 14
      ? []
      : [
          textMark(letterOf(title), x + width / 2, y + height / 2 + size / 3, theme, {
            ...{ size, weight: 600, anchor: 'middle', fill: '#ffffff', halo: '#000000' },
          }),
        ]),
  ];
}
