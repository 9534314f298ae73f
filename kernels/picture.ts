/** What a module shows of a call: data, never drawing. Ids are unique within a call. NaN is a number that is not there. */
interface PictureOf<Kind extends string> {
  readonly kind: Kind;
  readonly id: string;
  readonly title: string;
  /** One or two sentences: what is seen, and what it would look like otherwise. */
  readonly caption: string;
}

/** One matrix: an attention map, a filter in frequency, a map over pixels. */
export interface HeatMap extends PictureOf<'heat-map'> {
  readonly unit: string;
  /** What a cell is, as a formula or in words. */
  readonly definition: string;
  /** `diverging`: about 0, as far to one side as to the other. */
  readonly scale: 'sequential' | 'diverging';
  readonly rows: { readonly title: string; readonly labels?: readonly string[] };
  readonly columns: { readonly title: string; readonly labels?: readonly string[] };
  /** [rows][columns] */
  readonly values: readonly (readonly number[])[];
}

export interface PictureAxis {
  readonly title: string;
  /** Empty for a share or a count. */
  readonly unit: string;
  readonly scale: 'linear' | 'log2' | 'log10' | 'category';
  /** Names along a `category` axis: x counts them from 0. */
  readonly categories?: readonly string[];
}

/** Lines, points or bars on two axes. */
export interface Chart extends PictureOf<'chart'> {
  readonly x: PictureAxis;
  readonly y: PictureAxis;
  readonly series: readonly {
    readonly title: string;
    readonly mark: 'line' | 'points' | 'bars';
    readonly points: readonly { readonly x: number; readonly y: number; readonly label?: string }[];
  }[];
}

export interface PictureTable extends PictureOf<'table'> {
  readonly columns: readonly {
    readonly title: string;
    readonly kind: 'text' | 'number';
    readonly unit?: string;
    readonly definition?: string;
  }[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export type Picture = HeatMap | Chart | PictureTable;
