#!/usr/bin/env python3
"""What Jinja2, set up as transformers sets it up for chat templates, makes of conversations:
src/prompts/chat-template.fixture.json."""
import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATES = {
    "chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + "
              "'<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "instructions": "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}"
                    "{% set system = messages[0]['content'] %}{% else %}{% set rest = messages %}"
                    "{% set system = '' %}{% endif %}{% for message in rest %}{% if loop.index0 == 0 and system %}"
                    "{% set content = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + message['content'] %}{% else %}"
                    "{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
                    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% else %}"
                    "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "lines": "{%- for message in messages %}\n    {%- if message.role not in ['user', 'assistant', 'system'] %}\n"
             "        {%- continue %}\n    {%- endif %}\n    {%- set ns = namespace(text=message.content) %}\n"
             "    {{- '<|' ~ message.role ~ '|>\n' ~ ns.text ~ eos_token }}\n{%- endfor %}\n"
             "{%- if add_generation_prompt %}{{- '<|assistant|>\n' }}{%- endif %}",
    "tools": "{%- if tools is defined and tools %}{{- 'Tools:\n' }}{%- for tool in tools %}"
             "{{- tool.function | tojson }}{{- '\n' }}{%- endfor %}{%- endif %}"
             "{%- macro turn(role, text) %}{{ '[' ~ role | upper ~ '] ' ~ text }}{% endmacro %}"
             "{%- for message in messages %}{{- turn(message.role, message.content) }}{{- '\n' }}{%- endfor %}",
}
MESSAGES = [
    [{"role": "user", "content": " Hello, you! "}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is \"it\"?"},
     {"role": "assistant", "content": "Here.\n"}, {"role": "user", "content": "<b>é 😀</b>"}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "tool", "content": "{\"c\": 1}"},
     {"role": "user", "content": "d"}],
]
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks <it> up", "parameters": {"type": "object"}}}]


def main() -> None:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    cases = []
    for name, source in TEMPLATES.items():
        template = environment.from_string(source)
        for messages in MESSAGES:
            for values in ({}, {"tools": TOOLS}):
                text = template.render(messages=messages, bos_token="<s>", eos_token="</s>", add_generation_prompt=True, **values)
                cases.append({"template": name, "messages": messages, "values": values, "text": text})
    path = Path(__file__).resolve().parent.parent / "src" / "prompts" / "chat-template.fixture.json"
    path.write_text(json.dumps({"templates": TEMPLATES, "cases": cases}, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
