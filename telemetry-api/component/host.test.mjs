// The component in a host that is not Rust: Node, which knows it by its world alone. `.ci/run` builds it and runs this.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { transpileBytes } from '@bytecodealliance/jco-transpile';

/// The component as a module of JavaScript. It is told that there is nothing to import.
async function load() {
    const component = await readFile(env.BURGEE_COMPONENT);
    const { files, imports, exports } = await transpileBytes(component, { name: 'language', instantiation: 'sync' });
    assert.deepEqual(imports, [], 'what goes in decides what comes out');
    assert.deepEqual(exports, [['check', 'function'], ['explain', 'function']]);
    const script = join(import.meta.dirname, 'language.mjs');
    await writeFile(script, files['language.js']);
    const { instantiate } = await import(script);
    return instantiate((name) => new WebAssembly.Module(files[name]), {});
}

const language = await load();

/// A problem as burgee-api itself writes it.
function shown({ place, severity, code, path, message, help }) {
    const where = place ? `${place.file}:${place.line}:${place.column}  ` : '';
    const field = path ? `${path}: ` : '';
    const line = `${where}${severity} ${code}: ${field}${message}`;
    return help ? `${line}\n  help: ${help}\n` : `${line}\n`;
}

test('a problem has its place, its code and what to do', () => {
    const text = 'apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a, namespace: b}\nspec: {metric: []}\n';
    const [problem, ...others] = language.check([{ name: 'a.yaml', text }]);
    assert.deepEqual(others, []);
    assert.equal(problem.code, 'BG0106');
    assert.equal(problem.severity, 'error');
    assert.deepEqual(problem.place, { file: 'a.yaml', line: 4, column: 8, width: 6 });
    assert.equal(problem.path, 'spec.metric');
    assert.equal(problem.help, 'did you mean `metrics`?');
});

test('documents that are right have no problems', () => {
    const text = 'rootNamespace: istio-system\ndefaultProviders: {metrics: [prometheus]}\n';
    assert.deepEqual(language.check([{ name: 'mesh.yaml', text }]), []);
    assert.deepEqual(language.check([]), []);
});

test('an explanation names the line behind each value, as text and as JSON', () => {
    const text = [
        'apiVersion: telemetry.istio.io/v1',
        'kind: Telemetry',
        'metadata: {name: a, namespace: b}',
        'spec:',
        '  selector: {matchLabels: {app: web}}',
        '  metrics:',
        '    - providers: [{name: prometheus}]',
        '      reportingInterval: 30s',
    ].join('\n');
    const sources = [{ name: 'a.yaml', text }];
    const of = (labels) => ({ namespace: 'b', name: 'web-v1', labels });
    const shown = language.explain(sources, of([['app', 'web']]), { tag: 'text', val: 80 });
    assert.match(shown, /30s\n.*a\.yaml:8/);
    assert.ok(shown.split('\n').every((line) => line.length <= 80), shown);
    const json = JSON.parse(language.explain(sources, of([['app', 'web']]), { tag: 'json' }));
    assert.equal(json.documents[0].document, 'Telemetry b/a');
    assert.deepEqual(JSON.parse(language.explain(sources, of([]), { tag: 'json' })).documents, []);
});

test('a workload that no document can be for is a problem', () => {
    const waypoint = [['gateway.istio.io/managed', 'istio.io-mesh-controller']];
    const ask = () => language.explain([], { namespace: 'b', name: 'w', labels: waypoint }, { tag: 'json' });
    assert.throws(ask, (problem) => problem.code.startsWith('BG') && problem.message.includes('waypoint'));
});

test('what nests too deep is a problem, and no more than that', () => {
    const problems = language.check([{ name: 'deep.yaml', text: '['.repeat(100_000) }]);
    assert.ok(problems.length > 0);
    assert.deepEqual(language.check([]), []);
});

test('the golden cases are told in the same words', async () => {
    const cases = await readdir(env.BURGEE_CASES);
    assert.ok(cases.length > 10);
    for (const name of cases) {
        const folder = join(env.BURGEE_CASES, name);
        const files = (await readdir(folder)).filter((file) => /\.(yaml|json)$/.test(file)).sort();
        const read = async (file) => ({ name: file, text: await readFile(join(folder, file), 'utf8') });
        const problems = language.check(await Promise.all(files.map(read)));
        const expected = await readFile(join(folder, 'problems.txt'), 'utf8');
        assert.equal(problems.map(shown).join(''), expected, name);
    }
});
