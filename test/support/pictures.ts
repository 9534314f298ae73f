/** Pictures and what Pillow made of them, recorded by examples/training/compare/pillow_pictures.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const pictureFolder = join(__dirname, '..', 'fixtures', 'pictures');
export const pictureFile = (name: string): string => join(pictureFolder, name);

interface ExpectedPictures {
  readonly resize: readonly {
    readonly of: readonly [number, number];
    readonly to: readonly [number, number];
    readonly filter: string;
    readonly sha256: string;
  }[];
  /** By file: of its pixels as RGB. */
  readonly files: Readonly<Record<string, string>>;
  readonly clip: readonly { readonly of: readonly [number, number]; readonly edge: number; readonly sha256: string }[];
  readonly anyres: {
    readonly pinpoints: readonly (readonly number[])[];
    readonly edge: number;
    readonly cases: readonly { readonly of: readonly [number, number]; readonly tiles: readonly string[] }[];
  };
  readonly splits: {
    readonly longest: number;
    readonly edge: number;
    readonly cases: readonly {
      readonly of: readonly [number, number];
      readonly rows: number;
      readonly columns: number;
      readonly tiles: readonly string[];
    }[];
  };
}

export const expectedPictures = JSON.parse(readFileSync(pictureFile('expected.json'), 'utf8')) as ExpectedPictures;
