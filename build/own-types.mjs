// Types of what a person's own files import as `headscope`: one declaration file, which the extension lays into a workspace.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { modulesOf, reached } from './reached-types.mjs';
import { root } from './setup.mjs';

/** The first words of the file: one that begins otherwise is not overwritten (extension/own/types-folder.ts). */
const mark = '// Types of "headscope", written by the Headscope extension';

/** What kernel files import as `headscope`, and what analysis and task files do: one module, as all of them lie in a workspace. */
const entries = ['kernels/own/headscope', 'diagnostics/own/headscope'];

/** The members of a model that an own file is refused are not offered to it. */
const refused = new Set(
  [
    ...(/const notHere = \[([^\]]*)\]/u.exec(source('diagnostics/own/far-model.ts'))?.[1] ?? '').matchAll(/'(\w+)'/gu),
  ].map(([, name]) => name),
);

function source(file) {
  return readFileSync(join(root, file), 'utf8');
}

/**
 * The text of headscope.d.ts: of the declarations that TypeScript writes, those that `headscope` reaches. The names of their modules
 * get a prefix, so that they meet none of the workspace.
 */
export function ownTypes() {
  const modules = modulesOf(declarations());
  const { text, library } = reached(modules, {
    entries,
    library: 'valibot',
    prefix: 'headscope',
    leftOut: (name, member) => name === 'ModelRunner' && refused.has(member.name?.text),
  });
  const all = entries.map((entry) => `    export * from "headscope/${entry}";\n`).join('');
  return `${mark}. It replaces this file with each version.\n${text}${valibotTypes(library)}declare module "headscope" {\n${all}}\n`;
}

/** By module, as `tsc` writes them; it checks the same files elsewhere. */
function declarations() {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-types-'));
  try {
    const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
    const { compilerOptions } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile).config;
    const options = { ...compilerOptions, composite: false, noCheck: true, rootDir: root, outDir: folder };
    const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const files = entries.map((entry) => join(root, `${entry}.ts`));
    execFileSync(process.execPath, [tsc, '--ignoreConfig', ...given, ...files], { cwd: root, stdio: 'pipe' });
    const ending = '.d.ts';
    return new Map(
      readdirSync(folder, { recursive: true })
        .filter((file) => file.endsWith(ending))
        .map((file) => [file.replaceAll('\\', '/').slice(0, -ending.length), readFileSync(join(folder, file), 'utf8')]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The declarations of valibot that these names reach. */
function valibotTypes(names) {
  const file = createRequire(import.meta.url)
    .resolve('valibot')
    .replace(/\.[cm]?js$/, '.d.mts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  const declared = new Map();
  for (const statement of source.statements) {
    const named = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    for (const { name } of named) if (name) declared.set(name.text, [...(declared.get(name.text) ?? []), statement]);
  }
  const wanted = new Set(names);
  const kept = new Set();
  for (const name of wanted) {
    for (const statement of declared.get(name) ?? []) {
      kept.add(statement);
      const visit = (node) => {
        if (ts.isIdentifier(node)) wanted.add(node.text);
        ts.forEachChild(node, visit);
      };
      visit(statement);
    }
  }
  const text = [...kept].map((statement) =>
    statement
      .getText()
      .replace(/^declare /, 'export ')
      .replace(/^(?!export )/, 'export '),
  );
  return `declare module "headscope/valibot" {\n${text.join('\n')}\n}\n`;
}
