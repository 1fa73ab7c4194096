"""What a diagram may contain: every element, where it may stand, and its attributes.

A whitelist. Whatever is not named here is refused, whether SpiffWorkflow would run it, ignore it or
run it wrongly; ``ADVICE`` says what to draw instead. Drawing (``bpmndi``) may carry any plain
attribute, since it decides nothing, as long as its numbers are numbers.
"""

from collections.abc import Mapping

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

#: Namespaces of attributes that modelers add and nobody runs: colours, and who drew it.
IDLE_NAMESPACES = frozenset(
    {
        "http://bpmn.io/schema/bpmn/biocolor/1.0",
        "http://www.omg.org/spec/BPMN/non-normative/color/1.0",
        "http://camunda.org/schema/modeler/1.0",
    }
)
DRAWING_NAMESPACES = frozenset({BPMNDI, DC, DI})

TASKS = frozenset({"userTask", "serviceTask", "businessRuleTask"})
ACTIVITIES = TASKS | {"callActivity", "subProcess"}
GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway"})
EVENTS = frozenset({"startEvent", "endEvent", "intermediateCatchEvent", "boundaryEvent"})
NODES = ACTIVITIES | GATEWAYS | EVENTS

_INSIDE_PROCESS = NODES | {"sequenceFlow", "textAnnotation", "association", "group"}
_NODE_PARTS = frozenset({"documentation", "extensionElements", "incoming", "outgoing"})
_TIMED = _NODE_PARTS | {"timerEventDefinition", "messageEventDefinition"}

#: BPMN element → the BPMN elements it may hold; drawing and extensions are judged apart.
CHILDREN: Mapping[str, frozenset[str]] = {
    "definitions": frozenset({"documentation", "process", "collaboration", "message", "error", "category"}),
    "collaboration": frozenset({"documentation", "participant", "textAnnotation", "association", "group"}),
    "participant": frozenset({"documentation"}),
    "category": frozenset({"categoryValue"}),
    "process": _INSIDE_PROCESS | {"documentation", "extensionElements", "laneSet"},
    "laneSet": frozenset({"lane"}),
    "lane": frozenset({"documentation", "flowNodeRef"}),
    "subProcess": _INSIDE_PROCESS | _NODE_PARTS,
    "userTask": _NODE_PARTS,
    "serviceTask": _NODE_PARTS,
    "businessRuleTask": _NODE_PARTS,
    "callActivity": _NODE_PARTS,
    "exclusiveGateway": _NODE_PARTS,
    "parallelGateway": _NODE_PARTS,
    "startEvent": _NODE_PARTS,
    "endEvent": _NODE_PARTS | {"terminateEventDefinition"},
    "intermediateCatchEvent": _TIMED,
    "boundaryEvent": _TIMED | {"errorEventDefinition"},
    "timerEventDefinition": frozenset({"timeDuration", "timeDate"}),
    "sequenceFlow": frozenset({"documentation", "conditionExpression"}),
    "textAnnotation": frozenset({"text"}),
}

#: BPMN elements that hold text and nothing else.
TEXTS = frozenset(
    {
        "documentation",
        "flowNodeRef",
        "incoming",
        "outgoing",
        "conditionExpression",
        "timeDuration",
        "timeDate",
        "text",
    }
)

#: BPMN element → attributes it may have besides ``id`` and ``name``.
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "definitions": frozenset(
        {"targetNamespace", "exporter", "exporterVersion", "expressionLanguage", "typeLanguage"}
    ),
    "process": frozenset({"isExecutable", "processType", "isClosed"}),
    "participant": frozenset({"processRef"}),
    "categoryValue": frozenset({"value"}),
    "callActivity": frozenset({"calledElement"}),
    "exclusiveGateway": frozenset({"default", "gatewayDirection"}),
    "parallelGateway": frozenset({"gatewayDirection"}),
    "boundaryEvent": frozenset({"attachedToRef", "cancelActivity"}),
    "messageEventDefinition": frozenset({"messageRef"}),
    "errorEventDefinition": frozenset({"errorRef"}),
    "error": frozenset({"errorCode"}),
    "sequenceFlow": frozenset({"sourceRef", "targetRef"}),
    "association": frozenset({"sourceRef", "targetRef", "associationDirection"}),
    "group": frozenset({"categoryValueRef"}),
    "textAnnotation": frozenset({"textFormat"}),
    "documentation": frozenset({"textFormat"}),
}

#: Attributes that change nothing when they have this value, which some modelers write out.
DEFAULTS: Mapping[str, str] = {
    "isForCompensation": "false",
    "startQuantity": "1",
    "completionQuantity": "1",
    "triggeredByEvent": "false",
    "isInterrupting": "true",
    "parallelMultiple": "false",
    "instantiate": "false",
    "isImmediate": "true",
    "processType": "None",
    "isClosed": "false",
    "implementation": "##unspecified",
}

#: Owner of ``extensionElements`` → the spiffworkflow elements it may hold.
EXTENSIONS: Mapping[str, frozenset[str]] = {
    "process": frozenset({"properties"}),
    "userTask": frozenset({"properties", "variableName"}),
    "serviceTask": frozenset({"properties", "serviceTaskOperator"}),
    "businessRuleTask": frozenset({"properties", "calledDecisionId"}),
    "intermediateCatchEvent": frozenset({"properties"}),
    "boundaryEvent": frozenset({"properties"}),
    "endEvent": frozenset({"properties"}),
}
EXTENSION_CHILDREN: Mapping[str, frozenset[str]] = {
    "properties": frozenset({"property"}),
    "serviceTaskOperator": frozenset({"parameters", "retry"}),
    "parameters": frozenset({"parameter"}),
}
EXTENSION_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "property": frozenset({"name", "value"}),
    "serviceTaskOperator": frozenset({"id", "resultVariable"}),
    "parameter": frozenset({"id", "type", "value"}),
    "retry": frozenset({"retries", "backoff_base"}),
}
EXTENSION_TEXTS = frozenset({"variableName", "calledDecisionId"})

#: Element → the properties it may have.
PROPERTIES: Mapping[str, frozenset[str]] = {
    "process": frozenset({"businessType", "category"}),
    "userTask": frozenset(
        {"form", "state", "claimedState", "back", "step", "idle", "idleStarted", "idleMessage"}
        | {"due", "notBy", "lane", "decidedBy", "decisionForm"}
    ),
    "serviceTask": frozenset({"state"}),
    "businessRuleTask": frozenset({"result"}),
    "intermediateCatchEvent": frozenset({"state", "when"}),
    "boundaryEvent": frozenset({"when"}),
    "endEvent": frozenset({"state"}),
}

#: Numbers of the drawing; SpiffWorkflow sorts parallel branches by them.
DRAWING_NUMBERS = frozenset({"x", "y", "width", "height", "size"})

#: How analysts call the shapes.
WORDS: Mapping[str, tuple[str, str]] = {
    "definitions": ("文件", "file"),
    "process": ("流程", "process"),
    "collaboration": ("协作", "collaboration"),
    "participant": ("泳池", "pool"),
    "laneSet": ("泳道集", "lane set"),
    "lane": ("泳道", "lane"),
    "subProcess": ("子流程", "subprocess"),
    "userTask": ("用户任务", "user task"),
    "serviceTask": ("服务任务", "service task"),
    "businessRuleTask": ("业务规则任务", "rule task"),
    "callActivity": ("调用活动", "call activity"),
    "exclusiveGateway": ("排他网关", "exclusive gateway"),
    "parallelGateway": ("并行网关", "parallel gateway"),
    "startEvent": ("开始事件", "start event"),
    "endEvent": ("结束事件", "end event"),
    "intermediateCatchEvent": ("中间事件", "intermediate event"),
    "boundaryEvent": ("边界事件", "boundary event"),
    "sequenceFlow": ("连线", "flow"),
    "message": ("消息", "message"),
    "error": ("错误", "error"),
}

_TYPED = "请改为用户任务、服务任务或业务规则任务", "make it a user, service or rule task"
_SCRIPT = "流程图里不能写脚本；请用服务任务调用处理能力", "diagrams hold no scripts; call an operator"
_REPEAT = "不支持循环标记；请用排他网关画出回到该步骤的连线", "draw the loop with an exclusive gateway"
_EVENT = "只支持定时和消息事件；请改用其中一种", "use a timer or message event"
_DATA = "不支持数据对象；数据由任务的“保存为”变量保存", "data are kept in the variables of tasks"

#: What to do about elements that analysts know and we refuse.
ADVICE: Mapping[str, tuple[str, str]] = {
    "task": _TYPED,
    "manualTask": _TYPED,
    "sendTask": ("请改为服务任务，用通知类处理能力发送", "make it a service task with a notice operator"),
    "receiveTask": ("请改为中间消息事件", "make it an intermediate message event"),
    "scriptTask": _SCRIPT,
    "script": _SCRIPT,
    "preScript": _SCRIPT,
    "postScript": _SCRIPT,
    "unitTests": _SCRIPT,
    "payloadExpression": _SCRIPT,
    "messagePayload": _SCRIPT,
    "inclusiveGateway": ("请改为排他网关或并行网关的组合", "use exclusive or parallel gateways"),
    "complexGateway": ("请改为排他网关或并行网关的组合", "use exclusive or parallel gateways"),
    "eventBasedGateway": ("请改为带边界事件的任务", "use a task with boundary events"),
    "adHocSubProcess": ("请改为普通子流程，并画出先后顺序", "use a plain subprocess with flows"),
    "transaction": ("请改为普通子流程", "use a plain subprocess"),
    "intermediateThrowEvent": ("请删去，或改为服务任务", "remove it or use a service task"),
    "standardLoopCharacteristics": _REPEAT,
    "multiInstanceLoopCharacteristics": _REPEAT,
    "linkEventDefinition": ("请直接用连线连接", "draw a flow instead"),
    "signalEventDefinition": _EVENT,
    "conditionalEventDefinition": _EVENT,
    "escalationEventDefinition": _EVENT,
    "compensateEventDefinition": _EVENT,
    "cancelEventDefinition": _EVENT,
    "errorEventDefinition": ("错误事件只能贴在任务、子流程或调用活动的边界上", "errors stand on a boundary"),
    "messageEventDefinition": ("消息只能用于中间事件或边界事件", "use it on a catching or boundary event"),
    "timerEventDefinition": ("定时只能用于中间事件或边界事件", "use it on a catching or boundary event"),
    "timeCycle": ("不支持循环定时；请用时长，并画出回去的连线", "use a duration and draw the loop"),
    "childLaneSet": ("泳道里不能再分泳道", "lanes do not nest"),
    "laneSet": ("子流程里不能有泳道；请用任务的 lane 属性", "use the task's property lane"),
    "messageFlow": ("不支持泳池之间的消息流；请删去", "remove flows between pools"),
    "dataObject": _DATA,
    "dataObjectReference": _DATA,
    "dataStore": _DATA,
    "dataStoreReference": _DATA,
    "dataInputAssociation": _DATA,
    "dataOutputAssociation": _DATA,
    "ioSpecification": _DATA,
    "property": _DATA,
    "correlationProperty": ("消息按受理单对应，不用关联键；请删去", "remove it; messages find their case"),
}
