/** The files of a subject, their functions, and bundles of tests in which these files are instrumented. */
import { build } from 'esbuild';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';
import { instrument, isConstant, isFunction, placesOf, type Mutant, type Place } from './instrument';

export const root = join(__dirname, '../..');

export interface Project {
  readonly program: ts.Program;
  readonly files: ReadonlyMap<string, ts.SourceFile>;
  /** By number. */
  readonly places: readonly Place[];
}

/** `folders` are below the root. */
export function readProject(folders: readonly string[]): Project {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) => ts.sys.readFile(path)) as {
    config: Readonly<Record<string, unknown>>;
  };
  const { options: compilerOptions } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root);
  const paths = folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${folder}/${name.split(sep).join('/')}`),
    )
    .sort();
  const program = ts.createProgram(
    paths.map((path) => join(root, path)),
    { ...compilerOptions, composite: false, noEmit: true },
  );
  // Parents of nodes are set by the checker.
  program.getTypeChecker();
  const files = new Map(paths.map((path) => [path, program.getSourceFile(join(root, path))!]));
  const places: Place[] = [];
  for (const [path, file] of files) places.push(...placesOf(file, path, places.length));
  return { program, files, places };
}

export interface Planted {
  readonly texts: ReadonlyMap<string, string>;
  readonly mutants: readonly Mutant[];
}

export function plantIn({ program, files, places }: Project, planted: (place: Place) => boolean): Planted {
  const texts = new Map<string, string>();
  const mutants: Mutant[] = [];
  for (const [path, file] of files) {
    const own = places.filter((place) => place.file === path);
    const made = instrument(file, own, planted, program.getTypeChecker(), mutants.length);
    texts.set(path, made.text);
    mutants.push(...made.mutants);
  }
  return { texts, mutants };
}

/** Which constants of files each place names, by number: those that hold no function, which are judged by their functions. */
export function constantsNamed({ program, files, places }: Project): ReadonlyMap<number, ReadonlySet<number>> {
  const checker = program.getTypeChecker();
  const placeAt = new Map(places.map((place) => [`${place.file}:${place.start}`, place.id]));
  const pathOf = (file: ts.SourceFile) => relative(root, file.fileName).split(sep).join('/');
  const idOf = (node: ts.Node) => placeAt.get(`${pathOf(node.getSourceFile())}:${node.getStart()}`);
  const named = new Map<number, Set<number>>();
  const walk = (node: ts.Node, around: number | undefined): void => {
    const own = isFunction(node) || isConstant(node) ? idOf(node) : around;
    if (own !== undefined && ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      const meant = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const declared = meant?.valueDeclaration;
      const id = declared && isConstant(declared) && isPlain(declared.initializer) ? idOf(declared) : undefined;
      if (id !== undefined && id !== own) named.set(own, (named.get(own) ?? new Set()).add(id));
    }
    ts.forEachChild(node, (child) => walk(child, own));
  };
  for (const file of files.values()) walk(file, undefined);
  return named;
}

/** Places and the constants that they name, which may be made of others. */
export function withConstants(
  named: ReadonlyMap<number, ReadonlySet<number>>,
  reached: Iterable<number>,
): ReadonlySet<number> {
  const all = new Set<number>();
  const add = (id: number): void => {
    if (all.has(id)) return;
    all.add(id);
    named.get(id)?.forEach(add);
  };
  for (const id of reached) add(id);
  return all;
}

function isPlain(node: ts.Node): boolean {
  if (isFunction(node)) return false;
  let plain = true;
  ts.forEachChild(node, (child) => {
    plain &&= isPlain(child);
  });
  return plain;
}

/**
 * One CommonJS text of `entries`, with the given texts in it; packages are required as usual. A file that asks where
 * it lies gets its own place.
 */
export async function bundle(entries: readonly string[], texts: ReadonlyMap<string, string>): Promise<string> {
  const result = await build({
    stdin: {
      contents: entries.map((entry) => `export * from ${JSON.stringify(join(root, entry))};`).join('\n'),
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'error',
    packages: 'external',
    plugins: [
      {
        name: 'planted',
        setup(builder) {
          builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const name = relative(root, path).split(sep).join('/');
            if (name.startsWith('node_modules/')) return undefined;
            const text = texts.get(name) ?? readFileSync(path, 'utf8');
            const where = Object.entries({ __dirname: dirname(path), __filename: path })
              .filter(([variable]) => text.includes(variable))
              .map(([variable, value]) => `const ${variable} = ${JSON.stringify(value)};\n`);
            return { contents: where.join('') + text, loader: 'ts' };
          });
        },
      },
    ],
  });
  return result.outputFiles[0]!.text;
}
