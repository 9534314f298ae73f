/** The files of kernels/, their functions, and bundles of tests in which kernels/ is instrumented. */
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';
import { instrument, isConstant, isFunction, placesOf, type Mutant, type Place } from './instrument';

export const root = join(__dirname, '../..');

export interface Project {
  readonly program: ts.Program;
  readonly files: ReadonlyMap<string, ts.SourceFile>;
  /** By number. */
  readonly places: readonly Place[];
}

export function readProject(): Project {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) => ts.sys.readFile(path)) as {
    config: Readonly<Record<string, unknown>>;
  };
  const { options: compilerOptions } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root);
  const paths = readdirSync(join(root, 'kernels'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `kernels/${name.split(sep).join('/')}`)
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

/**
 * The functions that `reached` names, and the constants of files that such functions name: what errors of theirs would act on.
 */
export function withConstants({ program, files, places }: Project, reached: ReadonlySet<number>): ReadonlySet<number> {
  const checker = program.getTypeChecker();
  const placeAt = new Map(places.map((place) => [`${place.file}:${place.start}`, place.id]));
  const pathOf = (file: ts.SourceFile) => relative(root, file.fileName).split(sep).join('/');
  const idOf = (node: ts.Node) => placeAt.get(`${pathOf(node.getSourceFile())}:${node.getStart()}`);
  const all = new Set(reached);
  const walk = (node: ts.Node, within: boolean): void => {
    const inside = isFunction(node) || isConstant(node) ? all.has(idOf(node) ?? -1) : within;
    if (inside && ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      const named = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const declared = named?.valueDeclaration;
      // What is made by a call or holds functions (an object, a mechanism) is judged by those functions.
      if (declared && isConstant(declared) && isPlain(declared.initializer)) all.add(idOf(declared) ?? -1);
    }
    ts.forEachChild(node, (child) => walk(child, inside));
  };
  // Twice: a constant may be made of another one.
  for (let round = 0; round < 2; round++) for (const file of files.values()) walk(file, false);
  all.delete(-1);
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

/** One CommonJS text of `entries`, with the given texts for kernels/; onnxruntime is required as usual. */
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
    external: ['onnxruntime-node', 'typescript', 'esbuild'],
    plugins: [
      {
        name: 'planted',
        setup(builder) {
          builder.onLoad({ filter: /\/kernels\/.*\.ts$/ }, ({ path }) => {
            const contents = texts.get(relative(root, path).split(sep).join('/'));
            return contents === undefined ? undefined : { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  return result.outputFiles[0]!.text;
}
