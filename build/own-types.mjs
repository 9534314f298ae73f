// Types of what a person's own files import as `headscope`: one declaration file, which the extension lays into a workspace.
import ts from 'typescript';
import { join } from 'node:path';
import { root } from './setup.mjs';

/** The first words of the file: one that begins otherwise is not overwritten (extension/own/types-folder.ts). */
const mark = '// Types of "headscope", written by the Headscope extension';

/**
 * The text of headscope.d.ts. TypeScript 5 joins the declarations of all files into one where it writes AMD modules. Those that
 * `headscope` reaches are kept; their names get a prefix, so that they meet none of the workspace.
 */
export function ownTypes() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      composite: false,
      // `tsc` checks the same files.
      noCheck: true,
      module: 'amd',
      moduleResolution: 'node10',
      outFile: 'headscope.js',
      rootDir: join(root, 'kernels'),
      isolatedModules: false,
      verbatimModuleSyntax: false,
    },
    root,
  );
  const program = ts.createProgram([join(root, 'kernels', 'own', 'headscope.ts')], options);
  let text = '';
  const { diagnostics } = program.emit(undefined, (_name, written) => (text = written), undefined, true);
  if (diagnostics.length > 0 || text === '') {
    throw new Error(`The types of "headscope" could not be written: ${ts.formatDiagnostics(diagnostics, host)}`);
  }
  const modules = new Map(
    text.split(/^(?=declare module ")/m).map((module) => [/^declare module "([^"]+)"/.exec(module)?.[1] ?? '', module]),
  );
  const wanted = new Set(['own/headscope']);
  for (const name of wanted) {
    for (const [, named] of (modules.get(name) ?? '').matchAll(/(?:from |import\()"([^"]+)"/g)) {
      if (!modules.has(named)) throw new Error(`The types of "headscope" would need those of "${named}".`);
      wanted.add(named);
    }
  }
  const kept = [...wanted].map((name) =>
    modules.get(name).replaceAll(/(declare module |from |import\()"([^"]+)"/g, '$1"headscope/$2"'),
  );
  return `${mark}. It replaces this file with each version.\n${kept.join('')}declare module "headscope" {\n    export * from "headscope/own/headscope";\n}\n`;
}

const host = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => '\n',
};
