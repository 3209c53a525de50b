package localetest

import (
	"testing"

	"holdfast"
)

func TestForeign(t *testing.T) {
	tests := []struct {
		lang holdfast.Lang
		text string
		want rune
	}{
		{holdfast.ZhHant, "停止支付：閘門已確認，結果不明者逐筆查詢。", 0},
		{holdfast.ZhHant, "數據泄露，台北，裡外，皇后，系統，准許，資訊。", 0},
		{holdfast.ZhHant, "閘門已确认", '确'},
		{holdfast.ZhHans, "停止支付：闸门已确认，结果不明者逐笔查询。", 0},
		{holdfast.ZhHans, "数据泄露，台湾，里外，皇后，系统，准许，信息。", 0},
		{holdfast.ZhHans, "闸門已确认", '門'},
		{holdfast.En, "Stop payments: 30 s, done.", 0},
		{holdfast.En, "Stop 支付", '支'},
	}
	for _, test := range tests {
		if got, found := Foreign(test.lang, test.text); got != test.want || found != (test.want != 0) {
			t.Errorf("Foreign(%s, %q) = %q, want %q", test.lang, test.text, got, test.want)
		}
	}
}

// Everyday characters that the scripts write differently, in pairs.
func TestPairs(t *testing.T) {
	const traditional = "與專業東兩嚴個為麗義習書亂產億僅從倉儀們價優會傳傷體償儲黨關養內寫軍農決況準減處憑擊則創別劑辦務動勞勢區醫華協單賣衛廠廳歷厲壓縣參雙發變敘號嘆嗎啟員聽響問團園圍國圖聖場壞塊堅執聲備夠頭獎婦學實審寧寶寬賓對尋導將層屬歲師帳幣帶幫庫應廢開異棄張強彈歸當錄徹徑憶憂懷態總惡驚懲慣願戲戰擴掃擾搶護報擔擬攔擁擇掛揮損換據擺攜敵數斷無舊時顯曉暫術機殺雜權條來極構樣檔橋檢樓歡歐殘毀畢匯漢溝滅測濟潤漲潔淺漸溫濕滿滯濫災點煉煩燒熱愛狀獨獲環現電畫療盜鹽監蓋盤礦碼磚礎禮禍離種積稱穩窮競筆築簡類糧糾紅約級紀純網紙紛組細終經結給絡絕統繼績續維綱緊編緣縮線練縱繳罰羅聯職脅腦艙藝節蘇範葉藍薦虛蟲補襲裝見觀規視覽覺觸譽計訂認討讓訊議記講許論設訪證評識詐訴診詞譯試誠話詢該詳語誤說請諸讀課調談謀謂謝謹貝負財責貢貨質購貴貸費賀資賊賠賬賴賺贈贊趕趨踐蹤軌轉輪軟載較輔輕輛輸辭邊達遷過還這進遠違連遲適選遞遺鄰釋鑒針鈔鋼鑰鎖鍵錯錢鏈銷閘間閉聞閱隊陽陰階際陸陳險隨隱難靈靜頁頂項順須頓預領頻題額顏風飛飯飾館饒馬駐驗騙驅魚齊齒龍複後"
	const simplified = "与专业东两严个为丽义习书乱产亿仅从仓仪们价优会传伤体偿储党关养内写军农决况准减处凭击则创别剂办务动劳势区医华协单卖卫厂厅历厉压县参双发变叙号叹吗启员听响问团园围国图圣场坏块坚执声备够头奖妇学实审宁宝宽宾对寻导将层属岁师帐币带帮库应废开异弃张强弹归当录彻径忆忧怀态总恶惊惩惯愿戏战扩扫扰抢护报担拟拦拥择挂挥损换据摆携敌数断无旧时显晓暂术机杀杂权条来极构样档桥检楼欢欧残毁毕汇汉沟灭测济润涨洁浅渐温湿满滞滥灾点炼烦烧热爱状独获环现电画疗盗盐监盖盘矿码砖础礼祸离种积称稳穷竞笔筑简类粮纠红约级纪纯网纸纷组细终经结给络绝统继绩续维纲紧编缘缩线练纵缴罚罗联职胁脑舱艺节苏范叶蓝荐虚虫补袭装见观规视览觉触誉计订认讨让讯议记讲许论设访证评识诈诉诊词译试诚话询该详语误说请诸读课调谈谋谓谢谨贝负财责贡货质购贵贷费贺资贼赔账赖赚赠赞赶趋践踪轨转轮软载较辅轻辆输辞边达迁过还这进远违连迟适选递遗邻释鉴针钞钢钥锁键错钱链销闸间闭闻阅队阳阴阶际陆陈险随隐难灵静页顶项顺须顿预领频题额颜风飞饭饰馆饶马驻验骗驱鱼齐齿龙复后"
	// Characters of the one list that the other script uses too.
	const shared = "准后范厂"
	for _, c := range traditional {
		if uses(holdfast.ZhHans, c) {
			t.Errorf("%c passes as Simplified", c)
		}
		if !uses(holdfast.ZhHant, c) {
			t.Errorf("%c does not pass as Traditional", c)
		}
	}
	for _, c := range simplified {
		if uses(holdfast.ZhHant, c) && !contains(shared, c) {
			t.Errorf("%c passes as Traditional", c)
		}
		if !uses(holdfast.ZhHans, c) {
			t.Errorf("%c does not pass as Simplified", c)
		}
	}
}

func contains(s string, c rune) bool {
	for _, r := range s {
		if r == c {
			return true
		}
	}
	return false
}
