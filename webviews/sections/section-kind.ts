/** What a kind of section gives: its drawing, its table twin, and what can be asked of its cells. `sections.ts` lists the kinds. */
import type { nothing, TemplateResult } from 'lit';
import type { AttentionCell } from '../../protocol/sections/map';
import type { HeadTile } from '../../protocol/results/heads';
import type { MatrixSection } from '../../protocol/sections/matrix';
import type { HeadPlace } from '../../protocol/schema/written-form';
import type { Section } from '../../protocol/sections/section';
import type { TableSection } from '../../protocol/sections/table';
import type { SectionQuestion } from '../../protocol/analysis/schema';
import type { TileRectangle } from '../charts/tiles';
import type { CellValue, Column, Sort } from '../ui/table';
import type { Theme } from '../ui/theme';
import type { LookedTokens, PointedTokens } from './looked-tokens';
import type { Picture } from './picture';
import type { LoadedPicture, Scene } from './scene';

/** What a person arranged in a section; survives a partial result and a reload. */
export interface SectionView {
  /** Name of the number that is drawn; absent: the first. */
  readonly shown?: string | undefined;
  /** The cell, token, node or row that was chosen, in the words of its kind. */
  readonly cursor?: string | undefined;
  /** Where several tokens or heads can be chosen: all of them. */
  readonly chosen?: readonly string[] | undefined;
  /** Colours on a logarithmic scale; absent: as the section says. */
  readonly log?: boolean | undefined;
  /** The attention of a head is drawn as lines instead of a matrix; `hideFirst` leaves key 0 out. */
  readonly lines?: boolean | undefined;
  readonly hideFirst?: boolean | undefined;
  /** In a graph, edges at least this strong are drawn. */
  readonly threshold?: number | undefined;
  /** How strongly values are drawn over a picture: from 0, the picture alone, to 1, the values alone. */
  readonly opacity?: number | undefined;
  /** The level of tiles that is drawn, where a picture was cut into tiles; absent: all. */
  readonly level?: number | undefined;
  /** Heads in the order of a number, by its name, or of their classes; absent: layer by layer. */
  readonly order?: string | undefined;
  /** Heads of this class alone, by its name. */
  readonly only?: string | undefined;
  /** Heads that are looked for by their name or class, as typed; not kept over a reload, as it would hide the others. */
  readonly find?: string | undefined;
  readonly asTable?: boolean | undefined;
  readonly sort?: Sort | undefined;
  readonly allRows?: boolean | undefined;
}

export type TwinRow = readonly CellValue[];

/** The same numbers as a table: what screen readers read and CSV holds. */
export interface Twin {
  readonly columns: readonly Column<TwinRow>[];
  readonly rows: readonly TwinRow[];
}

/** A number that can be drawn, of the several that a section may have. */
interface ShownNumber {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly definition: string;
}

/** Pictures that the extension has read, by the hash of their files; undefined while one is on its way or cannot be read. */
export type LoadedPictures = ReadonlyMap<string, LoadedPicture>;

/** Who has the numbers. What is out of date may be answered late, or never. */
export interface HeadSupply {
  tile(rectangle: TileRectangle): Promise<Pick<HeadTile, 'outRows' | 'outColumns' | 'data'>>;
  /** All probabilities of one query, [keys]. */
  row(query: number): Promise<Float32Array>;
}

export interface SectionActions {
  view(change: Partial<SectionView>): void;
  /** `atOnce`: with the choice, without a further key. */
  ask(place: SectionQuestion['place'], atOnce?: boolean): void;
  /** Why a head gives a key its weight; absent where nothing can be run. */
  explain?(cell: AttentionCell): void;
  /** Opens the attention of a head; absent where the cells are no query heads, or no prompt was read. */
  readonly attention?: (head: HeadPlace, atOnce?: boolean) => void;
  /** Chooses a head in the grid that rows belong to, and shows its rows; absent where there is no such grid. */
  readonly chooseHead?: (head: HeadPlace) => void;
  /** Switches a head off and on; absent where nothing can be changed. */
  readonly toggle?: (head: HeadPlace) => void;
  /** The probabilities of a head on a prompt that was read; absent where no model is at hand. */
  readonly head?: (section: MatrixSection) => HeadSupply;
  /** Tokens of the texts that all grids mark are under the pointer, or none is. */
  readonly point?: (tokens: PointedTokens) => void;
  /** Something has come that the words of the page hold. */
  redraw?(): void;
  copy(text: string, what: string): void;
  /** Keeps a graph as a file that is edited; absent where no result holds it. */
  readonly saveCircuit?: () => void;
  save(format: SectionFormat): void;
}
export type SectionFormat = 'png' | 'svg' | 'csv' | 'json' | 'npz' | 'safetensors' | 'arrow' | 'zip';

export interface SectionPart<S extends Section = Section> {
  readonly section: S;
  readonly view: SectionView;
  readonly dark: boolean;
  readonly compact: boolean;
  readonly loaded: LoadedPictures;
  /** Tokens of an encoder-decoder that are looked at; absent: the result is of none. */
  readonly looked?: LookedTokens;
  /** Of a grid: the table with the rows of its heads, and what is looked for in it. */
  readonly rows?: { readonly table: TableSection; readonly find: string; readonly onFind: (find: string) => void };
  readonly actions: SectionActions;
}

interface KindBase<S extends Section> {
  readonly numbers?: (section: S) => readonly ShownNumber[];
  readonly isEmpty: (section: S) => boolean;
  /** Absent: the section is a table or a text already. */
  readonly twin: (section: S, view: SectionView) => Twin;
  /** The cell that a row of the table is about. */
  readonly cursorOf?: (row: TwinRow) => string;
  /** What the analysis is asked about the chosen cell. */
  readonly place?: (section: S, cursor: string) => SectionQuestion['place'] | undefined;
  /** The same of several chosen cells together. */
  readonly places?: (section: S, chosen: readonly string[]) => SectionQuestion['place'] | undefined;
  readonly controls?: (part: SectionPart<S>) => TemplateResult | typeof nothing;
}

/** Drawn as a scene, on the screen and in files alike. */
export interface PictureKind<S extends Section> extends KindBase<S> {
  readonly drawn: 'picture';
  readonly picture: (section: S, view: SectionView, loaded: LoadedPictures) => Picture;
}

/** Drawn as a part of the page; `scene` writes it into files. */
export interface PageKind<S extends Section> extends KindBase<S> {
  readonly drawn: 'page';
  readonly body: (part: SectionPart<S>) => TemplateResult;
  readonly scene: (section: S, theme: Theme, width: number, view: SectionView) => Scene;
  /** What is said of the chosen row or point. */
  readonly words?: (section: S, cursor: string) => string | undefined;
  /** The page shows a table or a text already: there is no other view of it. */
  readonly isTwin?: true;
}

export type KindOf<S extends Section> = PictureKind<S> | PageKind<S>;

export function twinColumn(
  at: number,
  id: string,
  title: string,
  more: { readonly unit?: string; readonly hint?: string; readonly text?: (value: number) => string } = {},
): Column<TwinRow> {
  const { unit, hint, text } = more;
  return {
    id,
    title,
    numeric: text !== undefined,
    ...(unit ? { unit } : {}),
    ...(hint ? { hint } : {}),
    value: (row) => {
      const value = row[at];
      return typeof value === 'number' && Number.isNaN(value) ? undefined : value;
    },
    ...(text
      ? {
          text: (row) => {
            const value = row[at];
            return typeof value === 'number' ? text(value) : (value ?? '–');
          },
        }
      : {}),
  };
}

/** The number that is drawn: the one that was chosen, else the first. */
export const chosenNumber = <N extends { readonly name: string }>(
  numbers: readonly N[],
  { shown }: SectionView,
): N | undefined => numbers.find(({ name }) => name === shown) ?? numbers[0];
